#pragma once

namespace tilecompile {

/// This program's version, "0.1.0"; kNumericsVersion tells apart what changes bits.
extern const char* const kProgramVersion;

}  // namespace tilecompile
