@echo off
call "%~dp0slipway.cmd" serve memory %*
