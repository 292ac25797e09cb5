#include "tilecompile/report/summary.hpp"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>

#include "tilecompile/base/escaped.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kMostLeftOut = 20;  // a folder can hold thousands of files that are no frames

std::string text(const char* pattern, ...) __attribute__((format(printf, 1, 2)));
std::string text(const char* pattern, ...) {
  std::va_list arguments;
  va_start(arguments, pattern);
  char buffer[512];
  std::vsnprintf(buffer, sizeof buffer, pattern, arguments);
  va_end(arguments);
  return buffer;
}

// "(-2.4 +- 0.3 %)", or without the uncertainty where that is not known.
std::string change(double percent, double uncertainty) {
  return std::isfinite(uncertainty) ? text("(%+.1f +- %.1f %%)", percent, uncertainty)
                                    : text("(%+.1f %%)", percent);
}

// "FWHM 3.281 -> 3.013 px (-8.2 +- 0.4 %)": both figures from the same stars or the same sky.
std::string changed(const char* what, const char* unit, double from, double to, double percent,
                    double uncertainty) {
  return text("  %s %.4g -> %.4g%s ", what, from, to, unit) + change(percent, uncertainty);
}

std::string quality_lines(const char* area, const std::vector<ProductQuality>& channels, bool is_plain_mean) {
  std::string lines;
  const int count = static_cast<int>(channels.size());
  for (int c = 0; c < count; ++c) {
    const ProductQuality& q = channels[static_cast<std::size_t>(c)];
    lines += text("  %-12s%-2s%4d stars", area, channel_name(c, count).c_str(), q.star_count);
    if (is_plain_mean)
      lines += text("  FWHM %.4g px  sky noise %.4g", q.fwhm_px, q.background_rms);
    else
      lines += changed("FWHM", " px", q.plain_fwhm_px, q.fwhm_px, q.fwhm_change_percent,
                       q.fwhm_change_uncertainty_percent) +
               changed("sky noise", "", q.plain_rms, q.equal_flux_rms, q.background_rms_change_percent,
                       q.background_rms_change_uncertainty_percent) +
               text("  flux scatter %.2f %%", q.flux_scatter_percent);
    lines += "\n";
  }
  return lines;
}

std::string product_lines(const RunRecord& r, std::size_t index, const std::filesystem::path& directory) {
  const ProductRecord& p = r.products[index];
  const bool is_plain_mean = p.name == "classical";
  std::string lines = text("%-10s ", p.name.c_str()) + (directory / p.file).string();
  lines += text("\n  digest      %s\n", p.digest.c_str());
  if (is_plain_mean) lines += "  the plain mean of the normalised frames, to which the others are compared\n";
  for (std::size_t i = 0; i < index; ++i)
    if (r.products[i].digest == p.digest) return lines + "  the same pixels as " + r.products[i].file + "\n";
  return lines + quality_lines("common area", p.common_area, is_plain_mean) +
         quality_lines("all covered", p.covered_area, is_plain_mean);
}

// Bad frames and files that are no frames, a line each.
std::string left_out_lines(const RunRecord& r) {
  std::vector<BadFrame> all = r.quarantined;
  all.insert(all.end(), r.left_out.begin(), r.left_out.end());
  std::string lines;
  for (std::size_t i = 0; i < std::min(all.size(), kMostLeftOut); ++i)
    lines += "left out   " + escaped(all[i].path) + ": " + escaped_lines(all[i].reason) + "\n";
  if (all.size() > kMostLeftOut)
    lines += text("left out   %zu more, see run.json\n", all.size() - kMostLeftOut);
  return lines;
}

// "9.1 % sharper": the mean over the channels that were measured; empty when none was.
std::string in_words(const std::vector<ProductQuality>& channels, bool (*measured)(const ProductQuality&),
                     double ProductQuality::*percent, const char* less, const char* more) {
  double sum = 0;
  int count = 0;
  for (const ProductQuality& q : channels)
    if (measured(q)) {
      sum += q.*percent;
      ++count;
    }
  if (count == 0) return "";
  return text("%.1f %% %s", std::abs(sum / count), sum < 0 ? less : more);
}

std::string plain_line(const RunRecord& r, const std::filesystem::path& directory,
                       const std::filesystem::path& folder) {
  if (r.products.empty()) return "";
  const ProductRecord& picture = r.products.back();
  const auto& figures = picture.common_area.empty() ? picture.covered_area : picture.common_area;
  const std::string sharper = in_words(
      figures, [](const ProductQuality& q) { return q.star_count > 0; }, &ProductQuality::fwhm_change_percent,
      "sharper", "less sharp");
  const std::string noisier = in_words(
      figures, [](const ProductQuality& q) { return q.sky_cell_count > 0; },
      &ProductQuality::background_rms_change_percent, "quieter", "noisier");
  std::string line = sharper + (sharper.empty() || noisier.empty() ? "" : ", ") + noisier;
  if (!line.empty()) line += " than the plain mean; ";
  const std::filesystem::path file = picture.file;
  return line + "your picture: " + (folder.empty() ? directory / file : folder / file.filename()).string() +
         "\n";
}

}  // namespace

std::string run_summary(const RunRecord& r, const std::filesystem::path& directory,
                        const std::filesystem::path& folder) {
  std::string all = "run        " + r.run_id + "\n";
  all += "profile    " + r.profile + ": " + r.profile_why + "\n";
  all += text("frames     %d of %d x %d px, %d channel%s\n", r.frames, r.width, r.height, r.channels,
              r.channels == 1 ? "" : "s");
  all += r.reference_stars > 0
             ? text("seeing     %.2f px from %d reference stars\n", r.seeing_px, r.reference_stars)
             : text("seeing     %.2f px taken, as too few stars can be measured\n", r.seeing_px);
  all += text("tiles      %d of %d px, %d with stars\n", r.tiles, r.tile_size_px, r.star_tiles);
  for (std::size_t i = 0; i < r.products.size(); ++i) all += product_lines(r, i, directory);
  all += "preview    " + (directory / "preview.png").string() + "\n";
  all += "report     " + (directory / "report.html").string() + "\n";
  double seconds = 0;
  for (const PhaseCost& phase : r.phases) seconds += phase.seconds;
  all += text("time       %.1f s, peak memory %.0f MB\n", seconds,
              static_cast<double>(r.peak_memory_bytes) / 1048576.0);
  for (const VerdictCheck& check : r.verdict) {
    const std::string channel = channel_name(check.channel, r.channels);
    all += text("%-10s ", check.passed ? "verdict" : "FAILED") + check.name +
           (channel.empty() ? "" : " " + channel) + ": " + check.text + "\n";
  }
  all += left_out_lines(r);
  for (const std::string& warning : r.warnings) all += "warning    " + escaped_lines(warning) + "\n";
  return all + plain_line(r, directory, folder);
}

}  // namespace tilecompile
