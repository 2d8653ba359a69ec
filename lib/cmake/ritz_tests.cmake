# ritz_add_test(NAME mesh_box ROOM mesh SOURCES test_box.cpp RANKS 1 2 3 4 [TIMEOUT 120]
#               [LABELS slow] [USES store] [THREADED 1 2])
#
# One executable, one CTest entry a rank count, and for each of THREADED one with two threads a rank
# (mesh_box.1x2). Each runs in a folder of its own with the cores it
# needs reserved, one thread a rank, and, with more ranks than two, the yielding preload (MPICH
# busy-waits: docs/decisions/0003).

find_package(GTest REQUIRED)

add_library(ritz_yield SHARED "${PROJECT_SOURCE_DIR}/tests/support/yield.c")
target_link_libraries(ritz_yield PRIVATE ${CMAKE_DL_LIBS})
set_target_properties(ritz_yield PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
# A disk that does not do what it should, for the tests of `ritz doctor io`.
add_library(ritz_broken_disk SHARED "${PROJECT_SOURCE_DIR}/tests/support/broken_disk.c")
target_link_libraries(ritz_broken_disk PRIVATE ${CMAKE_DL_LIBS})
set_target_properties(ritz_broken_disk PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")

add_library(ritz_test_main STATIC "${PROJECT_SOURCE_DIR}/tests/support/main.cpp")
target_include_directories(ritz_test_main PUBLIC "${PROJECT_SOURCE_DIR}/tests/support")
target_link_libraries(ritz_test_main PUBLIC ritz_options ritz_comm ritz_device GTest::gmock)

# Tests without optimisation or under sanitizers take several times as long.
set(ritz_test_slowness 1)
if(RITZ_SANITIZE OR CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(ritz_test_slowness 5)
endif()

# What every test that starts mpirun finds in its environment, beside RITZ_YIELD.
set(ritz_test_settings "")
if(RITZ_MPI_FLAVOUR STREQUAL "OpenMPI")
  # More ranks than cores, on any core, giving it up when they wait; root, because containers have
  # no other user.
  list(APPEND ritz_test_settings
    OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
    OMPI_MCA_mpi_yield_when_idle=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1)
endif()
if(RITZ_SANITIZE MATCHES "address")
  # The preloaded libritz_yield stands before the sanitizer's library, which does it no harm.
  list(APPEND ritz_test_settings ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=1
    "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/leaks.supp:print_suppressions=0")
endif()
if(RITZ_SANITIZE MATCHES "undefined")
  list(APPEND ritz_test_settings UBSAN_OPTIONS=print_stacktrace=1)
endif()

# Environment of every test that runs under mpirun.
function(ritz_test_environment test ranks)
  set(environment OMP_NUM_THREADS=1 OMP_PROC_BIND=false ${ritz_test_settings})
  if(ranks GREATER 2)
    list(APPEND environment "LD_PRELOAD=$<TARGET_FILE:ritz_yield>")
  endif()
  set_tests_properties(${test} PROPERTIES ENVIRONMENT "${environment}")
endfunction()

function(ritz_add_test)
  cmake_parse_arguments(TEST "" "NAME;ROOM;TIMEOUT" "SOURCES;RANKS;THREADED;LABELS;USES;DEFINITIONS" ${ARGN})
  if(TEST_UNPARSED_ARGUMENTS OR NOT TEST_RANKS OR NOT TEST_ROOM OR NOT TEST_SOURCES)
    message(FATAL_ERROR "ritz_add_test(${TEST_NAME}): needs ROOM, SOURCES and RANKS; "
                        "unknown: '${TEST_UNPARSED_ARGUMENTS}'")
  endif()
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  math(EXPR TEST_TIMEOUT "${TEST_TIMEOUT} * ${ritz_test_slowness}")
  set(target test_${TEST_NAME})
  add_executable(${target} ${TEST_SOURCES})
  target_link_libraries(${target} PRIVATE ritz_test_main ritz_${TEST_ROOM})
  add_dependencies(${target} ritz_yield)
  foreach(used IN LISTS TEST_USES)
    target_link_libraries(${target} PRIVATE ritz_${used})
  endforeach()
  target_compile_definitions(${target} PRIVATE
    RITZ_SOURCE_DIR="${PROJECT_SOURCE_DIR}" ${TEST_DEFINITIONS})
  set(entries ${TEST_RANKS})
  foreach(ranks IN LISTS TEST_THREADED)
    list(APPEND entries ${ranks}x2)
  endforeach()
  foreach(entry IN LISTS entries)
    string(REGEX REPLACE "x2$" "" ranks ${entry})
    set(test ${TEST_NAME}.${entry})
    set(folder "${CMAKE_CURRENT_BINARY_DIR}/work/${test}")
    file(MAKE_DIRECTORY "${folder}")
    add_test(NAME ${test}
      COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${ranks} $<TARGET_FILE:${target}>
      WORKING_DIRECTORY "${folder}")
    set(cores ${ranks})
    if(cores GREATER 2 OR NOT entry STREQUAL ranks)
      set(cores 2)
    endif()
    set_tests_properties(${test} PROPERTIES
      PROCESSORS ${cores} TIMEOUT ${TEST_TIMEOUT} LABELS "${TEST_ROOM};${TEST_LABELS}")
    ritz_test_environment(${test} ${ranks})
    if(NOT entry STREQUAL ranks)
      get_test_property(${test} ENVIRONMENT environment)
      list(TRANSFORM environment REPLACE "OMP_NUM_THREADS=1" "OMP_NUM_THREADS=2")
      # Threads that spin for work beside ranks that spin for messages take minutes on two cores.
      list(APPEND environment OMP_WAIT_POLICY=passive)
      if(ranks EQUAL 2)
        list(APPEND environment "LD_PRELOAD=$<TARGET_FILE:ritz_yield>")
      endif()
      set_tests_properties(${test} PROPERTIES ENVIRONMENT "${environment}")
    endif()
  endforeach()
endfunction()
