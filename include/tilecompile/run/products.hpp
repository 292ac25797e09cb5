#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "tilecompile/coadd/overlap_add.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/frame/manifest.hpp"
#include "tilecompile/report/run_record.hpp"

namespace tilecompile {

/// What all products of a run say of it in their headers.
struct ProductContext {
  std::filesystem::path directory;  ///< of the run
  std::filesystem::path first_frame;
  const Manifest* manifest = nullptr;
  const FrameMetrics* metrics = nullptr;
  std::string run_id, config_hash, frames_manifest_id, program;
  bool normalized_units = false;
  const Image* classical = nullptr;  ///< normalised
};

/// Writes `name`.fits with `name`.coverage.fits and `name`.weight.fits and returns the record with digest and
/// figures.
ProductRecord write_product(const ProductContext& context, const std::string& name,
                            const std::vector<CoaddChannel>& channels,
                            const std::vector<std::string>& history);

/// Image in output units: times the median background, unless normalised units were asked for.
Image in_output_units(const ProductContext& context, const std::vector<CoaddChannel>& channels);

}  // namespace tilecompile
