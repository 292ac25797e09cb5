# What `cmake --install` and `cpack -G DEB` put on a host beside the program. Paths are those of the prefix.
include(GNUInstallDirs)
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # a package does not wait for tests

# The units name the program by the path that it has there.
install(CODE "
  foreach(unit IN ITEMS tilecompile-worker.service tilecompile-master@.service)
    file(READ \"${PROJECT_SOURCE_DIR}/config/systemd/\${unit}\" text)
    string(REPLACE /usr/local/bin/ \"\${CMAKE_INSTALL_PREFIX}/bin/\" text \"\${text}\")
    file(WRITE \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/\${unit}\" \"\${text}\")
  endforeach()")
install(FILES config/deep-sky.yaml config/fast.yaml config/smart-telescope.yaml config/tile_compile.v2.yaml
  config/worker.yaml config/tilecompile.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/tilecompile)
install(DIRECTORY config/prometheus DESTINATION ${CMAKE_INSTALL_DATADIR}/tilecompile)
install(FILES config/completion/tilecompile.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  RENAME tilecompile)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)

# Man pages are what the program says of its commands, so they cannot be out of step with it.
if(NOT CMAKE_CROSSCOMPILING)
  install(CODE "execute_process(COMMAND \"${PROJECT_SOURCE_DIR}/scripts/man-pages.sh\" \"$<TARGET_FILE:tilecompile>\"
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_MANDIR}/man1\" RESULT_VARIABLE failed)
    if(failed)
      message(FATAL_ERROR \"the man pages were not made\")
    endif()")
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME tilecompile)
set(CPACK_PACKAGE_CONTACT "tilecompile <tilecompile@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Turns many short exposures of the sky into one picture, tile by tile")
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "rabbitmq-server, siril")
include(CPack)
