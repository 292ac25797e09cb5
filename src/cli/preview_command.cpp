#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "command_table.hpp"
#include "tilecompile/review/preview_file.hpp"

namespace tilecompile {

void set_up_preview(CLI::App& app, const ChooseAction& choose) {
  const auto request = std::make_shared<PreviewRequest>();
  app.add_option("file", request->file, "A FITS image")->required();
  app.add_option("-o,--out", request->picture,
                 "The picture: .png, .jpg, or .tif for 16 bits; default: FILE's name with .png");
  app.add_option("--size", request->long_side_px,
                 "Longest side of the picture, px; default: that of the image")
      ->check(CLI::Range(1, 100000));
  app.add_flag("--linked", request->linked, "One stretch for all channels; default: each its own");
  app.add_flag("--grid", request->grid, "Lines at round pixel numbers, counted from 0 as explain does");
  app.add_flag("--stars", request->stars, "Rings around the stars that a run would measure");
  app.callback([request, choose] {
    choose([request] {
      std::printf("%s\n", preview_file(*request).c_str());
      return 0;
    });
  });
}

}  // namespace tilecompile
