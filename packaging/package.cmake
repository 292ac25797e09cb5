# What is installed beside the program, and the Debian package that `cpack` makes of it (scripts/package.sh).
set(MANUAL ${PROJECT_BINARY_DIR}/manual)
add_custom_command(OUTPUT ${MANUAL}/tilecompile.bash COMMAND tilecompile manual ${MANUAL} DEPENDS tilecompile VERBATIM)
add_custom_target(manual ALL DEPENDS ${MANUAL}/tilecompile.bash)

install(TARGETS tilecompile RUNTIME DESTINATION bin)
# Not there when the program alone was built.
install(DIRECTORY ${MANUAL}/man1 DESTINATION share/man OPTIONAL)
install(FILES ${MANUAL}/tilecompile.bash DESTINATION share/bash-completion/completions RENAME tilecompile OPTIONAL)
install(DIRECTORY config/ DESTINATION share/tilecompile FILES_MATCHING PATTERN "*.yaml" PATTERN "*.json"
  PATTERN systemd EXCLUDE PATTERN prometheus EXCLUDE)
install(DIRECTORY config/prometheus DESTINATION share/tilecompile)
install(DIRECTORY config/systemd/ DESTINATION lib/systemd/system FILES_MATCHING PATTERN "tilecompile-*.service"
  PATTERN "*.d" EXCLUDE)
install(DIRECTORY config/systemd/rabbitmq-server.service.d DESTINATION share/doc/tilecompile/examples OPTIONAL)
install(DIRECTORY docs DESTINATION share/doc/tilecompile OPTIONAL FILES_MATCHING PATTERN "*.md" PATTERN images EXCLUDE)
foreach(file README.md CHANGELOG.md)
  install(FILES ${file} DESTINATION share/doc/tilecompile OPTIONAL)
endforeach()
install(FILES LICENSE DESTINATION share/doc/tilecompile RENAME copyright OPTIONAL)

# Otherwise a package waits for all tests to be compiled.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "tile-based stacking of astronomical exposures, on one host or many")
set(CPACK_PACKAGE_CONTACT "tilecompile <tilecompile@localhost>")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "passwd, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "rabbitmq-server, siril")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/packaging/postinst)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
