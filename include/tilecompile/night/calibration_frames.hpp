#pragma once
#include <memory>
#include <vector>

#include "tilecompile/align/registration.hpp"
#include "tilecompile/frame/calibration.hpp"
#include "tilecompile/storage/object_store.hpp"
namespace tilecompile {
struct CalibrationPlan {
  std::vector<CalibrationObjects> groups;
  std::vector<int> group_of_frame;
};
std::shared_ptr<const CalibrationMasters> load_masters(ObjectStore& store, const CalibrationObjects& objects);
}  // namespace tilecompile
