# ritz_add_test(NAME mesh_box ROOM mesh SOURCES test_box.cpp RANKS 1 2 3 4 [TIMEOUT 120]
#               [LABELS slow] [USES store])
#
# One executable, one CTest entry a rank count. Each runs in a folder of its own with the cores it
# needs reserved, one thread a rank, and, with more ranks than two, the yielding preload (MPICH
# busy-waits: docs/decisions/0003).

find_package(GTest REQUIRED)

add_library(ritz_yield SHARED "${PROJECT_SOURCE_DIR}/tests/support/yield.c")
target_link_libraries(ritz_yield PRIVATE ${CMAKE_DL_LIBS})
set_target_properties(ritz_yield PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")

add_library(ritz_test_main STATIC "${PROJECT_SOURCE_DIR}/tests/support/main.cpp")
target_include_directories(ritz_test_main PUBLIC "${PROJECT_SOURCE_DIR}/tests/support")
target_link_libraries(ritz_test_main PUBLIC ritz_options ritz_comm ritz_device GTest::gmock)

# Environment of every test that runs under mpirun.
function(ritz_test_environment test ranks)
  set(environment OMP_NUM_THREADS=1 OMP_PROC_BIND=false)
  if(ranks GREATER 2)
    list(APPEND environment "LD_PRELOAD=$<TARGET_FILE:ritz_yield>")
    if(RITZ_SANITIZE MATCHES "address")
      list(APPEND environment "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0")
    endif()
  elseif(RITZ_SANITIZE MATCHES "address")
    list(APPEND environment "ASAN_OPTIONS=detect_leaks=0")
  endif()
  set_tests_properties(${test} PROPERTIES ENVIRONMENT "${environment}")
endfunction()

function(ritz_add_test)
  cmake_parse_arguments(TEST "" "NAME;ROOM;TIMEOUT" "SOURCES;RANKS;LABELS;USES;DEFINITIONS" ${ARGN})
  if(TEST_UNPARSED_ARGUMENTS OR NOT TEST_RANKS OR NOT TEST_ROOM OR NOT TEST_SOURCES)
    message(FATAL_ERROR "ritz_add_test(${TEST_NAME}): needs ROOM, SOURCES and RANKS; "
                        "unknown: '${TEST_UNPARSED_ARGUMENTS}'")
  endif()
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  set(target test_${TEST_NAME})
  add_executable(${target} ${TEST_SOURCES})
  target_link_libraries(${target} PRIVATE ritz_test_main ritz_${TEST_ROOM})
  add_dependencies(${target} ritz_yield)
  foreach(used IN LISTS TEST_USES)
    target_link_libraries(${target} PRIVATE ritz_${used})
  endforeach()
  target_compile_definitions(${target} PRIVATE
    RITZ_SOURCE_DIR="${PROJECT_SOURCE_DIR}" ${TEST_DEFINITIONS})
  foreach(ranks IN LISTS TEST_RANKS)
    set(test ${TEST_NAME}.${ranks})
    set(folder "${CMAKE_CURRENT_BINARY_DIR}/work/${test}")
    file(MAKE_DIRECTORY "${folder}")
    add_test(NAME ${test}
      COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${ranks} $<TARGET_FILE:${target}>
      WORKING_DIRECTORY "${folder}")
    set(cores ${ranks})
    if(cores GREATER 2)
      set(cores 2)
    endif()
    set_tests_properties(${test} PROPERTIES
      PROCESSORS ${cores} TIMEOUT ${TEST_TIMEOUT} LABELS "${TEST_ROOM};${TEST_LABELS}")
    ritz_test_environment(${test} ${ranks})
  endforeach()
endfunction()
