# Read by Trilinos' own configure through CMAKE_PROJECT_Trilinos_INCLUDE; edits no Trilinos file.
#
# The time of a Trilinos build goes into re-reading headers for each of about a thousand small
# explicit-instantiation files. Compiling the instantiation-heavy targets as unity units of twelve
# files brings the build from well over an hour to about 20 minutes on two cores.
# The targets named here are the ones where this is known to be safe: see docs/decisions/0002.

function(ritz_trilinos_unity)
  set(group_macros
    "#undef MUELU_ETI_GROUP\n#undef XPETRA_ETI_GROUP\n")
  # Each instantiation file defines its group macro and includes a guarded header; without these
  # lines only the first file of a unit would instantiate anything.
  foreach(guard MUELU_ETI_3ARGUMENT_HPP MUELU_ETI_4ARGUMENT_HPP MUELU_ETI_5ARGUMENT_HPP
                XPETRA_ETI_3ARGUMENT_HPP XPETRA_ETI_4ARGUMENT_HPP XPETRA_ETI_4ARG_MV_HPP)
    string(APPEND group_macros "#undef ${guard}\n")
  endforeach()

  foreach(target kokkoskernels tpetra tpetraext tpetrainout xpetra xpetra-sup muelu muelu-interface
                 ifpack2 amesos2 belos belostpetra belosxpetra galeri-xpetra)
    if(TARGET ${target})
      set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
      if(target MATCHES "^(xpetra|xpetra-sup|muelu|muelu-interface)$")
        set_target_properties(${target} PROPERTIES
          UNITY_BUILD_CODE_BEFORE_INCLUDE "${group_macros}")
      endif()
    endif()
  endforeach()

  # These files declare explicit specialisations that they never define; a later file of the same
  # unit would then refer to them and every executable would fail to link.
  if(TARGET tpetra)
    get_target_property(tpetra_sources tpetra SOURCES)
    get_target_property(tpetra_binary tpetra BINARY_DIR)
    foreach(source IN LISTS tpetra_sources)
      if(source MATCHES "^Tpetra_CrsMatrix_[^/]*\\.cpp$")
        # Generated files are listed without a folder; only the full path reaches them.
        set(source "${tpetra_binary}/${source}")
      endif()
      if(source MATCHES "/Tpetra_CrsMatrix_[^/]*\\.cpp$")
        set_source_files_properties("${source}" TARGET_DIRECTORY tpetra
          PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
      endif()
    endforeach()
  endif()

  # KLU2 compiled at -O1 and above by GCC 12 returns wrong solutions on more than one process
  # (relative residual 0.3 on a 64-row Laplacian); at -Og it is right. The option comes after the
  # build type's own, so it wins.
  if(TARGET amesos2)
    target_compile_options(amesos2 PRIVATE -Og)
  endif()
endfunction()

cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL ritz_trilinos_unity)
