#pragma once
#include <string>
#include <string_view>

namespace tilecompile {

/// A text from outside (file names, header cards, messages) as it may be shown: control characters (C0, DEL,
/// C1) become \n, \t, \r, \xHH (C0) or \u00HH, bytes that are no UTF-8 become \xHH, so that no terminal obeys
/// them and no line breaks where none was meant. JSON stays JSON.
std::string escaped(std::string_view text);
/// The same with line feeds left as they are: for texts of several lines.
std::string escaped_lines(std::string_view text);

}  // namespace tilecompile
