# Every third-party package, found once here. Rooms name the targets they use in ritz_add_room().

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

# MPI, Kokkos and the Trilinos packages; the backend is whatever that Kokkos was built with.
include(ritz_trilinos)

find_package(fmt CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(tomlplusplus CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)

# Parallel HDF5: Debian keeps one flavour per MPI side by side, told apart by the compiler wrapper.
set(HDF5_PREFER_PARALLEL ON)
if(NOT HDF5_ROOT AND NOT HDF5_C_COMPILER_EXECUTABLE)
  string(TOLOWER "${RITZ_MPI_FLAVOUR}" flavour)
  find_program(RITZ_H5PCC NAMES h5pcc.${flavour})
  mark_as_advanced(RITZ_H5PCC)
  if(RITZ_H5PCC)
    set(HDF5_C_COMPILER_EXECUTABLE "${RITZ_H5PCC}" CACHE FILEPATH "HDF5's compiler wrapper")
  endif()
endif()
find_package(HDF5 1.10.8 REQUIRED COMPONENTS C)
if(NOT HDF5_IS_PARALLEL)
  message(FATAL_ERROR "This HDF5 (${HDF5_INCLUDE_DIRS}) has no MPI support. "
                      "Name a parallel one with -DHDF5_ROOT=... or install libhdf5-mpich-dev.")
endif()

ritz_external(fmt fmt::fmt)
ritz_external(spdlog spdlog::spdlog)
ritz_external(json nlohmann_json::nlohmann_json)
ritz_external(toml tomlplusplus::tomlplusplus)
ritz_external(cli11 CLI11::CLI11)
add_library(ritz_external_hdf5 INTERFACE)
target_include_directories(ritz_external_hdf5 SYSTEM INTERFACE ${HDF5_INCLUDE_DIRS})
target_compile_definitions(ritz_external_hdf5 INTERFACE ${HDF5_DEFINITIONS})
target_link_libraries(ritz_external_hdf5 INTERFACE ${HDF5_LIBRARIES} ritz::external::mpi)
add_library(ritz::external::hdf5 ALIAS ritz_external_hdf5)
