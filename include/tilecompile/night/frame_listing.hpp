#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tilecompile/night/frame_origin.hpp"

namespace tilecompile {

/// The frames below a folder or prefix, and what lies there that may have been meant as frames.
struct FrameListing {
  std::vector<std::string> paths;  ///< relative, with '/', in natural order
  std::vector<std::string> notes;  ///< skipped, linked and unreadable folders, hidden files, links to nowhere
};

/// True for folders that hold what was deleted, or what a system keeps for itself: hidden ones,
/// `$RECYCLE.BIN`,
/// `@eaDir`, `#recycle`, `#snapshot`, `__MACOSX`, `lost+found` and their kin, in any case.
bool is_folder_of_the_system(std::string_view name);

/// The text with every byte that is not UTF-8 replaced.
std::string printable(const std::string& text);

/// The frames below `origin`: names that match `pattern` (a shell glob), or every name of a frame
/// (names_a_frame) for an empty pattern. Run directories, hidden files and the folders above are left
/// out, and linked folders are not followed. A link with the name of a frame that leads nowhere is among the
/// paths: reading it tells what is wrong. Throws UsageError for an empty folder, InputError when there is no
/// frame, TransientError when the folder cannot be listed, and what the bucket throws.
FrameListing list_frames(const FrameOrigin& origin, const std::string& pattern);

}  // namespace tilecompile
