#include <array>

#include "cfitsio_file.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/tile_metrics_file.hpp"

namespace tilecompile {
namespace {

[[noreturn]] void refuse_tile_metrics(const std::filesystem::path& path, const std::string& why) {
  throw InputError("reading the weights of tiles from " + path.string() + ": " + why +
                   "; the file is damaged or of another kind, and only a run writes it anew");
}

CfitsioFile open_tile_metrics(const std::filesystem::path& path) {
  fitsfile* file = nullptr;
  int status = 0;
  const auto lock = cfitsio_table_lock();
  fits_open_diskfile(&file, path.c_str(), READONLY, &status);
  if (status != 0) refuse_tile_metrics(path, cfitsio_error_text(status));
  return CfitsioFile(file);
}

// Frames, tiles and channels of the cube that the file is moved to.
std::array<long, 3> move_to_weights(fitsfile* file, const std::filesystem::path& path) {
  std::array<long, 3> shape{};
  std::array<char, 8> name{"WEIGHT"};
  int status = 0, axes = 0;
  fits_movnam_hdu(file, IMAGE_HDU, name.data(), 0, &status);
  fits_get_img_dim(file, &axes, &status);
  fits_get_img_size(file, 3, shape.data(), &status);
  if (status != 0) refuse_tile_metrics(path, cfitsio_error_text(status));
  if (axes != 3 || shape[0] < 1 || shape[1] < 1 || shape[2] < 1)
    refuse_tile_metrics(path, "WEIGHT is no cube of channels, tiles and frames");
  return shape;
}

}  // namespace

std::vector<double> read_tile_weights(const std::filesystem::path& path, int channel,
                                      const TakeTileWeights& take) {
  const CfitsioFile file = open_tile_metrics(path);
  const std::array<long, 3> shape = move_to_weights(file.get(), path);
  if (channel < 0 || channel >= shape[2])
    refuse_tile_metrics(path, "it has no channel " + std::to_string(channel));
  // A header may claim more than the file holds: cells are asked for a tile at a time.
  const std::uintmax_t claimed =
      sizeof(double) * static_cast<std::uintmax_t>(shape[0]) * static_cast<std::uintmax_t>(shape[1]);
  if (claimed > std::filesystem::file_size(path)) refuse_tile_metrics(path, "it is cut off");
  std::vector<double> weights(static_cast<std::size_t>(shape[0])), effective;
  int status = 0;
  for (long tile = 0; tile < shape[1]; ++tile) {
    const LONGLONG first = 1 + LONGLONG{shape[0]} * (LONGLONG{channel} * shape[1] + tile);
    fits_read_img(file.get(), TDOUBLE, first, shape[0], nullptr, weights.data(), nullptr, &status);
    if (status != 0) refuse_tile_metrics(path, cfitsio_error_text(status));
    take(weights);
    double sum = 0, squares = 0;
    for (const double w : weights) {
      sum += w;
      squares += w * w;
    }
    effective.push_back(squares > 0 ? sum * sum / squares : 0);
  }
  return effective;
}

}  // namespace tilecompile
