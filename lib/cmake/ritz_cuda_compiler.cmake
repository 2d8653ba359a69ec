# Included before project() when the compiler is Kokkos' nvcc_wrapper (preset cuda): says what is
# missing in one line. CMake's own test of the compiler would only say that it is broken.
if(NOT CMAKE_CXX_COMPILER MATCHES "(^|/)nvcc_wrapper$")
  return()
endif()

find_program(RITZ_NVCC_WRAPPER NAMES "${CMAKE_CXX_COMPILER}")
if(NOT RITZ_NVCC_WRAPPER)
  message(FATAL_ERROR
    "preset cuda: nvcc_wrapper is not on the PATH. It lies in the bin folder of a Trilinos or "
    "Kokkos that was built for CUDA; without a GPU use the preset release.")
endif()
# The wrapper takes nvcc from CUDA_ROOT or the PATH.
find_program(RITZ_NVCC NAMES nvcc HINTS ENV CUDA_ROOT PATH_SUFFIXES bin)
if(NOT RITZ_NVCC)
  message(FATAL_ERROR
    "preset cuda: nvcc is not on the PATH. Install the CUDA toolkit (or load its module), or set "
    "CUDA_ROOT; without a GPU use the preset release.")
endif()
mark_as_advanced(RITZ_NVCC_WRAPPER RITZ_NVCC)
