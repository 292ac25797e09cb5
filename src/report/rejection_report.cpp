#include "tilecompile/report/rejection_report.hpp"

#include <nlohmann/json.hpp>

#include "tilecompile/frame/csv.hpp"

namespace tilecompile {

RejectionReport rejection_report(const std::vector<std::vector<double>>& rejected_low,
                                 const std::vector<std::vector<double>>& rejected_high, const Grid& grid,
                                 const FrameMetrics& metrics, const std::vector<std::string>& frame_paths) {
  double area = 0;
  for (const Box& tile : grid.tiles) area += static_cast<double>(tile.area());
  RejectionReport report;
  report.csv = "frame_index,path,channel,rejected_low,rejected_high,share\n";
  double low = 0, high = 0, samples = 0, largest = -1;
  std::string worst;
  for (std::size_t f = 0; f < frame_paths.size(); ++f)
    for (std::size_t c = 0; c < metrics.channels.size(); ++c) {
      const double below = rejected_low[c][f], above = rejected_high[c][f];
      const double valid = area * metrics.channels[c][f].valid_fraction;
      const double share = valid > 0 ? (below + above) / valid : 0;
      low += below;
      high += above;
      samples += valid;
      if (share > largest) {
        largest = share;
        worst = frame_paths[f];
      }
      report.csv += std::to_string(f) + "," + csv_field(frame_paths[f]) + "," + std::to_string(c) + "," +
                    nlohmann::json(static_cast<std::int64_t>(below)).dump() + "," +
                    nlohmann::json(static_cast<std::int64_t>(above)).dump() + "," +
                    nlohmann::json(share).dump() + "\n";
    }
  report.summary = nlohmann::json{{"low", low},
                                  {"high", high},
                                  {"percent", samples > 0 ? 100 * (low + high) / samples : 0},
                                  {"most_in", worst},
                                  {"most_percent", 100 * largest},
                                  {"light", "rejected.fits"}}
                       .dump();
  return report;
}

}  // namespace tilecompile
