# Initial cache of the Trilinos subset that Ritz uses (cmake -C). The prefix is named by a hash that
# includes this file, so any edit here makes a new prefix and never touches a finished one.
set(CMAKE_BUILD_TYPE RELEASE CACHE STRING "")
set(CMAKE_CXX_STANDARD 17 CACHE STRING "")
set(BUILD_SHARED_LIBS ON CACHE BOOL "")
set(BUILD_TESTING OFF CACHE BOOL "")

set(TPL_ENABLE_MPI ON CACHE BOOL "")
set(TPL_ENABLE_BLAS ON CACHE BOOL "")
set(TPL_ENABLE_LAPACK ON CACHE BOOL "")
set(Trilinos_ENABLE_OpenMP ON CACHE BOOL "")
set(Kokkos_ENABLE_OPENMP ON CACHE BOOL "")
# One backend only: halves the KokkosKernels and Tpetra work.
set(Kokkos_ENABLE_SERIAL OFF CACHE BOOL "")
set(Tpetra_INST_SERIAL OFF CACHE BOOL "")
set(Tpetra_INST_OPENMP ON CACHE BOOL "")
set(Tpetra_INST_DOUBLE ON CACHE BOOL "")
set(Tpetra_INST_INT_LONG_LONG ON CACHE BOOL "")
foreach(off Tpetra_INST_FLOAT Tpetra_INST_COMPLEX_DOUBLE Tpetra_INST_COMPLEX_FLOAT
            Tpetra_INST_INT_INT Tpetra_INST_INT_LONG Tpetra_INST_INT_UNSIGNED
            Tpetra_INST_INT_UNSIGNED_LONG)
  set(${off} OFF CACHE BOOL "")
endforeach()

set(Trilinos_ENABLE_EXPLICIT_INSTANTIATION ON CACHE BOOL "")
set(Trilinos_ENABLE_ALL_PACKAGES OFF CACHE BOOL "")
set(Trilinos_ENABLE_ALL_OPTIONAL_PACKAGES OFF CACHE BOOL "")
set(Trilinos_ENABLE_SECONDARY_TESTED_CODE OFF CACHE BOOL "")
set(Trilinos_ENABLE_TESTS OFF CACHE BOOL "")
set(Trilinos_ENABLE_EXAMPLES OFF CACHE BOOL "")
set(Trilinos_ENABLE_Fortran OFF CACHE BOOL "")
set(Trilinos_ENABLE_Epetra OFF CACHE BOOL "")
set(Trilinos_ENABLE_INSTALL_CMAKE_CONFIG_FILES ON CACHE BOOL "")
set(Trilinos_GENERATE_REPO_VERSION_FILE OFF CACHE BOOL "")
set(Trilinos_ASSERT_MISSING_PACKAGES OFF CACHE BOOL "")
foreach(package Teuchos Kokkos KokkosKernels Tpetra Xpetra Belos Amesos2 Ifpack2 MueLu Zoltan
                Zoltan2)
  set(Trilinos_ENABLE_${package} ON CACHE BOOL "")
endforeach()
set(Amesos2_ENABLE_KLU2 ON CACHE BOOL "")
