@echo off
rem Runs a command with the Node on PATH. Fetching one is done by the sh script of the same name.
%*
