# Run at every build (cmake -P): refreshes version.cpp when the commit has changed, and only then.
execute_process(COMMAND git -C "${SOURCE}" rev-parse --short=12 HEAD
  OUTPUT_VARIABLE RITZ_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(RITZ_COMMIT "unknown")
endif()
execute_process(COMMAND git -C "${SOURCE}" status --porcelain --untracked-files=no
  OUTPUT_VARIABLE changes OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
set(RITZ_MODIFIED false)
if(changes)
  set(RITZ_MODIFIED true)
endif()
configure_file("${SOURCE}/lib/base/version.cpp.in" "${OUTPUT}" @ONLY)
