#pragma once
#include <filesystem>
#include <string>

namespace tilecompile {

/// The content of an open gzip file of one member, at most as many bytes as its trailer claims. cfitsio can
/// do this too, but it crashes on damaged files and does not bound what it allocates. Throws InputError
/// naming `path`.
std::string gunzip(int fd, std::size_t file_bytes, const std::filesystem::path& path);

}  // namespace tilecompile
