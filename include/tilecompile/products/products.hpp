#pragma once
#include <cstddef>
#include <deque>
#include <filesystem>
#include <functional>
#include <future>
#include <string>
#include <vector>

#include "tilecompile/align/resample.hpp"
#include "tilecompile/coadd/overlap_add.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/header/manifest.hpp"
#include "tilecompile/products/image_rows.hpp"
#include "tilecompile/report/run_record.hpp"

namespace tilecompile {

/// What the pictures of a run are measured with, [channel].
struct Yardstick {
  Image kept;  ///< the classical stack without what was rejected; steps of the tile grid are looked for
               ///< against it
  std::vector<Plane<std::uint8_t>> sky;  ///< sky_mask of the classical stack
};
/// Where the classical stack shows sky, [channel]; no tile is needed for that.
std::vector<Plane<std::uint8_t>> sky_masks(const Image& classical, double seeing_px);
/// The classical stack without what was rejected from the reconstruction.
Image without_rejected_light(const Image& classical, const std::vector<CoaddChannel>& reconstruction);

/// Gives complete files their names while others are made: the disk takes its time for that. Used by one
/// thread.
class NamesToCome {
 public:
  static constexpr std::size_t kMostAtATime = 2;  ///< their files are open
  /// Calls `finish` beside what follows, where the system has a thread for it. Waits for the oldest one when
  /// there are as many as may be, and throws what went wrong with it.
  void add(const std::function<void()>& finish);
  /// Until all have their names. Throws what went wrong with one.
  void wait();
  /// The same at the end of a run that has failed: says in the log what went wrong.
  void settle() noexcept;

 private:
  std::deque<std::future<void>> under_way_;
};

/// What all products of a run say of it in their headers.
struct ProductContext {
  std::filesystem::path directory;  ///< of the run
  std::filesystem::path first_frame;
  const Manifest* manifest = nullptr;
  const FrameMetrics* metrics = nullptr;
  std::string run_id, config_hash, frames_manifest_id, program;
  bool normalized_units = false;
  bool one_sky = true;                                 ///< the first frame's coordinates are those of all
  const Image* classical = nullptr;                    ///< normalised
  const std::vector<PictureFigures>* plain = nullptr;  ///< [channel] of it; none: the product is that stack
  const Yardstick* yardstick = nullptr;                ///< none where nothing is measured
  const Grid* grid = nullptr;
  int threads = 1;               ///< that write one product
  NamesToCome* names = nullptr;  ///< gives products their names later; none: write_product does
  const OutputGrid* on_reference =
      nullptr;  ///< where the pixels lie on `first_frame`; none: they are its own
};

/// What one product is.
struct ProductPlan {
  std::string name;                  ///< in run.json
  std::string file;                  ///< relative to the run directory
  std::vector<std::string> history;  ///< what was done
  std::vector<int> frames;           ///< frames behind it; empty: all
  bool measured = true;              ///< quality figures against the classical stack
};

/// One channel of a product, or some rows of it.
struct ProductPlanes {
  const Plane<float>* pixels = nullptr;
  const Plane<std::int32_t>* coverage = nullptr;
  const Plane<float>* variance = nullptr;
  const Plane<float>*weight = nullptr, *effective_frames = nullptr;  ///< none: every frame weighs 1
};
std::vector<ProductPlanes> planes_of(const std::vector<CoaddChannel>& channels);

/// Writes the picture and its side files *.coverage.fits, *.weight.fits, *.variance.fits and *.neff.fits, and
/// returns the record with digest and figures. With `names` of the context they are there when those are.
ProductRecord write_product(const ProductContext& context, const ProductPlan& plan,
                            const std::vector<ProductPlanes>& channels);

/// A product whose rows come in blocks, and which is not measured: the same files as write_product gives.
class ProductRows {
 public:
  ProductRows(const ProductContext& context, const ProductPlan& plan, int width, int height);
  /// The next rows, a CoaddChannel a channel.
  void add(const std::vector<CoaddChannel>& rows);
  /// The same as one step for each file, which may be taken side by side; `rows` has to stay meanwhile.
  std::vector<std::function<void()>> parts(const std::vector<ProductPlanes>& rows);
  /// Name, file and digest. After the last rows.
  ProductRecord record() const;
  /// Gives the files their names. Once, after the last rows.
  void finish();

 private:
  ProductRows(const ProductContext& context, const ProductPlan& plan, const ProductHeader& header, int width,
              int height);

  std::string name_, path_;    // as the plan says
  std::vector<double> units_;  // [channel] output units a unit of I'
  ImageRows pixels_, variance_, coverage_, weight_, effective_frames_;
};

/// A product with the pixels of another one that is written already, and has its names: its files are second
/// names of those of `product` (copies where the file system has none), its record has the same digest and
/// figures.
ProductRecord link_product(const ProductContext& context, const ProductRecord& product,
                           const ProductPlan& plan);

/// Writes rejected.fits and rejected.low.fits, in output units: what rejection took from a pixel above and
/// below, summed over frames. Nothing when the channels carry no rejected light.
void write_rejected_light(const ProductContext& context, const std::vector<CoaddChannel>& channels);

/// Throws InputError when `normalized_units` are asked for and the sky of a channel is not above 0.
void check_output_units(const FrameMetrics& metrics, bool normalized_units);

/// Image in output units: times the median background, unless normalised units were asked for.
Image in_output_units(const ProductContext& context, const std::vector<CoaddChannel>& channels);

}  // namespace tilecompile
