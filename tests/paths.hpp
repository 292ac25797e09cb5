#pragma once
#include <string>

namespace tilecompile {

/// Places that only the build knows. They are functions of one small library and no macros, so that a test
/// compiles to the same object in every folder and one compiler cache serves them all.
const std::string& source_dir();    ///< top folder of the sources
const std::string& program_path();  ///< the built executable
const std::string&
default_test_data();  ///< where the real frames lie unless TILECOMPILE_TEST_DATA says otherwise

}  // namespace tilecompile
