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

# Parallel HDF5. Debian keeps one flavour a MPI side by side, in folders named by it; they are looked
# up directly because HDF5's compiler wrapper, which CMake's own search runs, breaks on paths with
# spaces. Elsewhere, or with -DHDF5_ROOT=..., CMake's search decides.
string(TOLOWER "${RITZ_MPI_FLAVOUR}" flavour)
find_path(RITZ_HDF5_INCLUDE_DIR hdf5.h PATHS "/usr/include/hdf5/${flavour}" NO_DEFAULT_PATH)
find_library(RITZ_HDF5_LIBRARY hdf5 PATHS "/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/hdf5/${flavour}"
             NO_DEFAULT_PATH)
mark_as_advanced(RITZ_HDF5_INCLUDE_DIR RITZ_HDF5_LIBRARY)
if(RITZ_HDF5_INCLUDE_DIR AND RITZ_HDF5_LIBRARY AND NOT HDF5_ROOT AND NOT DEFINED ENV{HDF5_ROOT})
  set(HDF5_INCLUDE_DIRS "${RITZ_HDF5_INCLUDE_DIR}")
  set(HDF5_LIBRARIES "${RITZ_HDF5_LIBRARY}")
  file(STRINGS "${HDF5_INCLUDE_DIRS}/H5pubconf.h" HDF5_IS_PARALLEL
       REGEX "#define +H5_HAVE_PARALLEL +1")
  file(STRINGS "${HDF5_INCLUDE_DIRS}/H5pubconf.h" line REGEX "#define +H5_VERSION ")
  string(REGEX REPLACE ".*\"([^\"]*)\".*" "\\1" HDF5_VERSION "${line}")
  if(HDF5_VERSION VERSION_LESS 1.10.8)
    message(FATAL_ERROR "HDF5 ${HDF5_VERSION} (${HDF5_INCLUDE_DIRS}) is too old: 1.10.8 is the floor")
  endif()
else()
  set(HDF5_PREFER_PARALLEL ON)
  find_package(HDF5 1.10.8 REQUIRED COMPONENTS C)
endif()
if(NOT HDF5_IS_PARALLEL)
  message(FATAL_ERROR "This HDF5 (${HDF5_INCLUDE_DIRS}) has no MPI support. "
                      "Name a parallel one with -DHDF5_ROOT=... or install libhdf5-mpich-dev.")
endif()

# Chunks of checkpoints are compressed without HDF5, in a thread.
find_package(ZLIB REQUIRED)
find_package(Threads REQUIRED)
find_path(RITZ_ZSTD_INCLUDE_DIR zstd.h)
find_library(RITZ_ZSTD_LIBRARY zstd)
mark_as_advanced(RITZ_ZSTD_INCLUDE_DIR RITZ_ZSTD_LIBRARY)
if(NOT RITZ_ZSTD_INCLUDE_DIR OR NOT RITZ_ZSTD_LIBRARY)
  message(FATAL_ERROR "There is no libzstd here: install libzstd-dev, or name its folder with "
                      "-DCMAKE_PREFIX_PATH=...")
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
ritz_external(zlib ZLIB::ZLIB)
ritz_external(threads Threads::Threads)
add_library(ritz_external_zstd INTERFACE)
target_include_directories(ritz_external_zstd SYSTEM INTERFACE ${RITZ_ZSTD_INCLUDE_DIR})
target_link_libraries(ritz_external_zstd INTERFACE ${RITZ_ZSTD_LIBRARY})
add_library(ritz::external::zstd ALIAS ritz_external_zstd)
