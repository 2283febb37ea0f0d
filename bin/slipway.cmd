@echo off
rem Slipway supports Windows through WSL. This starts it natively with the Node on PATH, which has to be 22.18 or newer.
node -e "const [a,b]=process.versions.node.split(String.fromCharCode(46));process.exit(a>22||(a==22&&b>=18)?0:1)" 2>nul
if errorlevel 1 (
  echo slipway: install Node 22.18 or newer, https://nodejs.org, or use WSL 1>&2
  exit /b 4
)
if exist "%~dp0main.ts" (
  node --disable-warning=ExperimentalWarning "%~dp0main.ts" %*
) else (
  node --disable-warning=ExperimentalWarning "%~dp0..\dist\bin\main.js" %*
)
