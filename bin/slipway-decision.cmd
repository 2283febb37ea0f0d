@echo off
call "%~dp0slipway.cmd" serve decision %*
