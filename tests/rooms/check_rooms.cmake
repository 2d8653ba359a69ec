# cmake -DSOURCE=<root> -DTABLES=<root with lib/CMakeLists.txt and lib/cmake> -P check_rooms.cmake
#
# Greps every #include of lib/ and apps/ against the two tables of the build: RITZ_ROOMS (a room
# includes only rooms before it) and RITZ_EXTERNAL_ROOMS_* (third-party headers stay in the rooms
# named). The build's include folders enforce most of this; headers that a listed room passes on are
# what only this test sees.

cmake_minimum_required(VERSION 3.25)
file(READ "${TABLES}/lib/CMakeLists.txt" text)
if(NOT text MATCHES "set\\(RITZ_ROOMS ([^)]*)\\)")
  message(FATAL_ERROR "no set(RITZ_ROOMS ...) in lib/CMakeLists.txt")
endif()
string(REGEX REPLACE "[ \n]+" ";" rooms "${CMAKE_MATCH_1}")
file(STRINGS "${TABLES}/lib/cmake/ritz_rooms.cmake" lines REGEX "^set\\(RITZ_EXTERNAL_ROOMS_")
foreach(line IN LISTS lines)
  string(REGEX MATCH "^set\\(RITZ_EXTERNAL_ROOMS_([a-z0-9]+) ([^)]*)\\)" matched "${line}")
  string(REPLACE " " ";" RITZ_EXTERNAL_ROOMS_${CMAKE_MATCH_1} "${CMAKE_MATCH_2}")
endforeach()
set(RITZ_EXTERNAL_ROOMS_cli11 apps)
# Teuchos is the vocabulary of every Trilinos package.
set(RITZ_EXTERNAL_ROOMS_teuchos ${RITZ_EXTERNAL_ROOMS_tpetra} ${RITZ_EXTERNAL_ROOMS_zoltan2}
    ${RITZ_EXTERNAL_ROOMS_belos} ${RITZ_EXTERNAL_ROOMS_muelu})
# base is every room's vocabulary (errors, version); the rest of lib is behind these four.
set(apps_may_include base run deck perf store)

# Which external library a header belongs to.
set(external_patterns
  "fmt=^fmt/" "spdlog=^spdlog/" "mpi=^mpi\\.h$" "kokkos=^Kokkos_" "json=^nlohmann/" "toml=^toml\\+\\+"
  "cli11=^CLI/" "zoltan2=^Zoltan2?_" "tpetra=^Tpetra_" "belos=^Belos" "ifpack2=^Ifpack2_"
  "muelu=^(MueLu|Xpetra)" "amesos2=^Amesos2" "hdf5=^(hdf5|H5[A-Za-z]*public)\\.h" "teuchos=^Teuchos_")

set(problems "")
set(n_files 0)
set(n_includes 0)
file(GLOB_RECURSE files RELATIVE "${SOURCE}"
     "${SOURCE}/lib/*.hpp" "${SOURCE}/lib/*.cpp" "${SOURCE}/apps/*.hpp" "${SOURCE}/apps/*.cpp")
foreach(file IN LISTS files)
  if(file MATCHES "^lib/([a-z]+)/")
    set(room "${CMAKE_MATCH_1}")
    list(FIND rooms "${room}" position)
    if(position EQUAL -1)
      string(APPEND problems "  ${file}: room '${room}' is not in RITZ_ROOMS\n")
      continue()
    endif()
  elseif(file MATCHES "^apps/")
    set(room apps)
  else()
    continue()
  endif()
  math(EXPR n_files "${n_files} + 1")
  file(STRINGS "${SOURCE}/${file}" includes REGEX "^[ \t]*#[ \t]*include[ \t]*[<\"]")
  foreach(line IN LISTS includes)
    string(REGEX MATCH "[<\"]([^>\"]*)[>\"]" matched "${line}")
    set(header "${CMAKE_MATCH_1}")
    math(EXPR n_includes "${n_includes} + 1")
    if(header MATCHES "^ritz/([a-z]+)/")
      set(other "${CMAKE_MATCH_1}")
      list(FIND rooms "${other}" other_position)
      if(other_position EQUAL -1)
        string(APPEND problems "  ${file}: <${header}> is of no room in RITZ_ROOMS\n")
      elseif(room STREQUAL apps)
        if(NOT other IN_LIST apps_may_include)
          string(APPEND problems "  ${file}: apps include only ${apps_may_include}, not <${header}>\n")
        endif()
      elseif(other_position GREATER position)
        string(APPEND problems "  ${file}: the arrow ${room} -> ${other} points down (<${header}>)\n")
      endif()
      continue()
    endif()
    foreach(pair IN LISTS external_patterns)
      string(REGEX MATCH "^([a-z0-9]+)=(.*)$" matched "${pair}")
      set(external "${CMAKE_MATCH_1}")
      set(pattern "${CMAKE_MATCH_2}")
      if(header MATCHES "${pattern}" AND NOT room IN_LIST RITZ_EXTERNAL_ROOMS_${external})
        string(APPEND problems
          "  ${file}: <${header}> belongs to ${external}, which stays in ${RITZ_EXTERNAL_ROOMS_${external}}\n")
      endif()
    endforeach()
  endforeach()
endforeach()

if(n_includes EQUAL 0)
  message(FATAL_ERROR "no #include found under ${SOURCE}: the check looked at nothing")
endif()
if(problems)
  message(FATAL_ERROR "\n${problems}")
endif()
message(STATUS "${n_includes} includes of ${n_files} files keep to the tables")
