#pragma once
#include <filesystem>
#include <map>
#include <string>

namespace tilecompile {

/// Makes the folder in which people look for what a run made, beside its run directory: the picture, its
/// previews and the report on top, `maps/`, and `work`, a link to the run directory. Files are second names
/// of those there (copies where the file system has none), so the run directory stays as other programs know
/// it. Its name is output.name, by default OBJECT and date of the picture ("M_51_2026-03-14"); "_2" and so on
/// follow where other runs have it. Made anew for the same run, it keeps its name. Returns it; empty when the
/// run has no final picture. Throws TransientError when the file system refuses.
std::filesystem::path gather_by_name(const std::filesystem::path& run_directory);

/// output.name of the run, by default OBJECT and date of its picture; empty when it has no final picture.
std::string name_of_run(const std::filesystem::path& run_directory);

/// The run id that such a folder belongs to; empty for any other folder.
std::string run_of_folder(const std::filesystem::path& folder);
/// Those folders in `output_dir`, by run id.
std::map<std::string, std::filesystem::path> named_folders(const std::filesystem::path& output_dir);

/// `text` as part of a folder's name that needs no quotes: letters, digits, + - . and _ for all else.
std::string folder_word(const std::string& text);
/// OBJECT of a picture; empty when it is not there or says nothing.
std::string object_of(const std::filesystem::path& picture);

}  // namespace tilecompile
