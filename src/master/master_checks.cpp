#include "master_run.hpp"
#include "products.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {

void MasterRun::note_check(const NamedCheck& check) {
  directory_->append_event("check", {{"name", check.name},
                                     {"phase", check.phase},
                                     {"passed", check.passed ? "true" : "false"},
                                     {"text", check.text}});
}

void MasterRun::require(NamedCheck check) {
  record_.checks.push_back(check);
  if (directory_) note_check(check);
  if (check.passed) return;
  throw ContractError("the run broke the rule " + check.name + " (" + check.phase + "): " + check.text +
                      "; please report this with run.json and the log");
}

void MasterRun::check_analysis() {
  const DataParams& data = config_.method.data;
  for (NamedCheck& check : header_checks(*manifest_, data)) require(std::move(check));
  require(check_background_positive(analysis_.metrics, config_.method.normalization));
  check_output_units(analysis_.metrics, config_.output.normalized_units);
  require({"linear_data", "input checks", true,
           data.linear_required ? "no header and no histogram tells of a stretch"
                                : "not asked for: data.linear_required is false"});
  require(check_grid_covers_image(grid_));
  require(check_window_sum_positive(grid_));
}

}  // namespace tilecompile
