# Trilinos, the Kokkos inside it and the MPI it was built with, as targets ritz::external::<name>.
# Works with 13.2 (variables and un-namespaced targets), with Debian's packages of it, and with the
# later releases that export <Package>::all_libs.

# The Kokkos of 13.2 refuses GNU extensions; Ritz does not use them.
set(CMAKE_CXX_EXTENSIONS OFF)

# A prefix that ./bootstrap finished is found without being named, unless another one is named.
option(RITZ_FIND_BOOTSTRAP_PREFIX "Look for a Trilinos that ./bootstrap built" ON)
if(RITZ_FIND_BOOTSTRAP_PREFIX AND NOT Trilinos_DIR AND NOT Trilinos_ROOT AND NOT CMAKE_PREFIX_PATH
   AND NOT DEFINED ENV{Trilinos_DIR} AND NOT DEFINED ENV{Trilinos_ROOT}
   AND NOT DEFINED ENV{CMAKE_PREFIX_PATH})
  if(DEFINED ENV{XDG_DATA_HOME})
    set(folder "$ENV{XDG_DATA_HOME}/ritz")
  else()
    set(folder "$ENV{HOME}/.local/share/ritz")
  endif()
  file(GLOB finished "${folder}/trilinos-*/ritz-complete")
  foreach(marker IN LISTS finished)
    get_filename_component(prefix "${marker}" DIRECTORY)
    list(APPEND CMAKE_PREFIX_PATH "${prefix}")
  endforeach()
endif()

set(ritz_trilinos_packages Kokkos Tpetra Belos Ifpack2 MueLu Amesos2 Zoltan2)
find_package(Trilinos 13.2 QUIET COMPONENTS ${ritz_trilinos_packages})
if(NOT Trilinos_FOUND)
  if(Trilinos_CONSIDERED_VERSIONS)
    set(ritz_trilinos_seen "found but too old or broken: ${Trilinos_CONSIDERED_CONFIGS} "
                           "(${Trilinos_CONSIDERED_VERSIONS}), 13.2 is the floor")
  else()
    set(ritz_trilinos_seen "not found")
  endif()
  message(FATAL_ERROR
    "Trilinos with ${ritz_trilinos_packages}: " ${ritz_trilinos_seen} ".\n"
    "On Debian './bootstrap deps' builds one. Otherwise name one with -DCMAKE_PREFIX_PATH=<prefix>.")
endif()

# Ours is known to be right where that of others has to be tested (docs/decisions/0002).
set(RITZ_TRILINOS_BY_BOOTSTRAP OFF)
if(EXISTS "${Trilinos_DIR}/../../../ritz-complete")
  set(RITZ_TRILINOS_BY_BOOTSTRAP ON)
endif()

# One interface target per external library as design.md's table names them, so that a room's list
# of externals reads the same as the table.
function(ritz_external name)
  add_library(ritz_external_${name} INTERFACE)
  target_link_libraries(ritz_external_${name} INTERFACE ${ARGN})
  add_library(ritz::external::${name} ALIAS ritz_external_${name})
endfunction()

# ---- MPI: the one Trilinos was built with, unless told otherwise ----
if(NOT MPI_CXX_COMPILER AND Trilinos_CXX_COMPILER MATCHES "/mpi[^/]*$")
  set(MPI_CXX_COMPILER "${Trilinos_CXX_COMPILER}" CACHE FILEPATH "MPI's compiler wrapper")
endif()
# The launcher beside that wrapper: mpicxx.mpich -> mpiexec.mpich. Debian's plain names are links
# that change when another MPI is installed.
if(NOT MPIEXEC_EXECUTABLE AND MPI_CXX_COMPILER)
  get_filename_component(wrapper "${MPI_CXX_COMPILER}" NAME)
  get_filename_component(folder "${MPI_CXX_COMPILER}" DIRECTORY)
  string(REGEX REPLACE "^mpi(cxx|c\\+\\+|CC|icpc|icpx)" "mpiexec" launcher "${wrapper}")
  if(NOT launcher STREQUAL wrapper AND EXISTS "${folder}/${launcher}")
    set(MPIEXEC_EXECUTABLE "${folder}/${launcher}" CACHE FILEPATH "MPI's launcher")
  endif()
endif()
# find_package(Trilinos) of later releases has found MPI already, in C.
find_package(MPI 3.0 REQUIRED COMPONENTS CXX)
find_package(Threads REQUIRED)

set(RITZ_MPI_FLAVOUR "unknown")
foreach(folder IN LISTS MPI_CXX_INCLUDE_DIRS)
  if(EXISTS "${folder}/mpi.h")
    file(STRINGS "${folder}/mpi.h" ritz_mpi_mark
         REGEX "#define +(MPICH_VERSION|OMPI_(MAJOR|MINOR|RELEASE)_VERSION) ")
    if(ritz_mpi_mark MATCHES "MPICH_VERSION +\"([^\"]*)\"")
      set(RITZ_MPI_FLAVOUR "MPICH")
      set(RITZ_MPI_VERSION "${CMAKE_MATCH_1}")
    elseif(ritz_mpi_mark MATCHES
           "MAJOR_VERSION +([0-9]+).*MINOR_VERSION +([0-9]+).*RELEASE_VERSION +([0-9]+)")
      set(RITZ_MPI_FLAVOUR "OpenMPI")
      set(RITZ_MPI_VERSION "${CMAKE_MATCH_1}.${CMAKE_MATCH_2}.${CMAKE_MATCH_3}")
    endif()
    break()
  endif()
endforeach()
ritz_external(mpi MPI::MPI_CXX)

# ---- Kokkos ----
if(TARGET Kokkos::kokkos)
  ritz_external(kokkos Kokkos::kokkos Threads::Threads)
  # The target in Debian's packages names a folder that does not exist; the variable is right.
  target_include_directories(ritz_external_kokkos SYSTEM INTERFACE ${Kokkos_INCLUDE_DIRS})
else()
  ritz_external(kokkos Kokkos::all_libs Threads::Threads)
endif()

if(RITZ_CUDA AND NOT "CUDA" IN_LIST Kokkos_DEVICES)
  message(FATAL_ERROR "This Trilinos (${Trilinos_DIR}) has no CUDA: its Kokkos runs on "
                      "'${Kokkos_DEVICES}'. Name one built for CUDA with -DCMAKE_PREFIX_PATH=..., "
                      "or use the preset release.")
endif()

# ---- the packages ----
# Teuchos of 13.2 declares a constructor with its template arguments, which C++20 forbids. A prefix
# made by ./bootstrap is edited after the installation; for any other an edited copy is included
# ahead of everything, and its include guard hides the original.
set(ritz_teuchos_patch "")
foreach(folder IN LISTS Tpetra_INCLUDE_DIRS Trilinos_INCLUDE_DIRS)
  set(header "${folder}/Teuchos_StandardParameterEntryValidators.hpp")
  if(EXISTS "${header}")
    file(STRINGS "${header}" offending REGEX "^ *AbstractArrayValidator<ValidatorType, EntryType>\\(\\);")
    if(offending)
      file(READ "${header}" text)
      string(REGEX REPLACE "\n( *)AbstractArrayValidator<ValidatorType, EntryType>\\(\\);"
             "\n\\1AbstractArrayValidator();" text "${text}")
      set(ritz_teuchos_patch "${CMAKE_BINARY_DIR}/ritz_teuchos_validators.hpp")
      file(CONFIGURE OUTPUT "${ritz_teuchos_patch}" @ONLY
           CONTENT "#pragma GCC system_header\n${text}")
    endif()
    break()
  endif()
endforeach()

function(ritz_external_trilinos name package)
  if(TARGET ${package}::all_libs)
    ritz_external(${name} ${package}::all_libs ritz::external::mpi ritz::external::kokkos)
  else()
    ritz_external(${name} ${${package}_LIBRARIES} ${${package}_TPL_LIBRARIES}
                  ritz::external::mpi ritz::external::kokkos)
    target_include_directories(ritz_external_${name} SYSTEM INTERFACE
      ${${package}_INCLUDE_DIRS} ${${package}_TPL_INCLUDE_DIRS})
  endif()
  if(ritz_teuchos_patch)
    target_compile_options(ritz_external_${name} INTERFACE
      "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-include \"${ritz_teuchos_patch}\">")
  endif()
endfunction()

ritz_external_trilinos(tpetra Tpetra)
ritz_external_trilinos(belos Belos)
ritz_external_trilinos(ifpack2 Ifpack2)
ritz_external_trilinos(muelu MueLu)
ritz_external_trilinos(amesos2 Amesos2)
ritz_external_trilinos(zoltan2 Zoltan2)

# ---- does it hold what Ritz instantiates? ----
foreach(folder IN LISTS Tpetra_INCLUDE_DIRS Trilinos_INCLUDE_DIRS)
  if(EXISTS "${folder}/TpetraCore_config.h")
    foreach(needed HAVE_TPETRA_INST_DOUBLE HAVE_TPETRA_INST_INT_LONG_LONG)
      file(STRINGS "${folder}/TpetraCore_config.h" given REGEX "#define +${needed}( |$)")
      if(NOT given)
        message(FATAL_ERROR "This Trilinos (${Trilinos_DIR}) was built without ${needed}; "
                            "Ritz needs Tpetra for double / int / long long.")
      endif()
    endforeach()
    break()
  endif()
endforeach()

# Two MPI libraries in one program crash in MPI_Init with no useful word: say it here.
if(TARGET teuchoscomm)
  set(teuchos_target teuchoscomm)
elseif(TARGET TeuchosComm::teuchoscomm)
  set(teuchos_target TeuchosComm::teuchoscomm)
endif()
if(teuchos_target)
  get_target_property(library ${teuchos_target} LOCATION)
  execute_process(COMMAND ldd "${library}" OUTPUT_VARIABLE linked ERROR_QUIET)
  if((RITZ_MPI_FLAVOUR STREQUAL "MPICH" AND linked MATCHES "libmpi\\.so\\.40")
     OR (RITZ_MPI_FLAVOUR STREQUAL "OpenMPI" AND linked MATCHES "libmpich\\.so|libmpi\\.so\\.12"))
    message(FATAL_ERROR "Trilinos (${library}) is linked to another MPI than ${RITZ_MPI_FLAVOUR} "
                        "(${MPI_CXX_COMPILER}). Name the right wrapper: -DMPI_CXX_COMPILER=...")
  endif()
endif()
