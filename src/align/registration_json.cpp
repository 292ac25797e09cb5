#include <cmath>
#include <nlohmann/json.hpp>

#include "tilecompile/align/registration.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/strict_json.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

constexpr double kFarthest_px = 1e9;
constexpr int kMostCalibrations = 10000;

json encode_transform(const Transform& t) {
  return {{"model", model_name(t.model)},
          {"centre", {t.centre_x, t.centre_y}},
          {"scale", t.scale},
          {"u", t.u},
          {"v", t.v},
          {"below", {t.g, t.h}}};
}

Transform decode_transform(const json& j) {
  StrictObject o(j, "registration: transform");
  Transform t;
  const auto model = model_from_name(o.text("model"));
  if (!model) o.fail("model", "is no transform that is known here");
  t.model = *model;
  const auto centre = o.numbers("centre", 2, 2), below = o.numbers("below", 2, 2);
  t.centre_x = centre[0];
  t.centre_y = centre[1];
  t.scale = o.number("scale");
  if (!(t.scale > 0)) o.fail("scale", "is not positive");
  const auto u = o.numbers("u", 10, 10), v = o.numbers("v", 10, 10);
  std::copy(u.begin(), u.end(), t.u.begin());
  std::copy(v.begin(), v.end(), t.v.begin());
  t.g = below[0];
  t.h = below[1];
  o.done();
  return t;
}

json encode_grid(const OutputGrid& g) {
  return {{"width", g.width}, {"height", g.height}, {"x0", g.x0}, {"y0", g.y0}, {"step", g.step}};
}

OutputGrid decode_output_grid(const json& j) {
  StrictObject o(j, "registration: grid");
  OutputGrid g;
  g.width = static_cast<int>(o.integer("width", 1, kLargestSide_px));
  g.height = static_cast<int>(o.integer("height", 1, kLargestSide_px));
  g.x0 = o.number("x0");
  g.y0 = o.number("y0");
  g.step = o.number("step");
  o.done();
  if (!(std::abs(g.x0) < kFarthest_px && std::abs(g.y0) < kFarthest_px)) o.fail("x0", "is beyond any image");
  if (!(g.step >= 0.1 && g.step <= 10)) o.fail("step", "is no step of a picture");
  return g;
}

json encode_object(const MasterObject& m) {
  return m.key.empty() ? json(nullptr) : json{{"ref", m.key}, {"sha256", m.sha256}};
}

MasterObject decode_object(const json& j) {
  if (j.is_null()) return {};
  StrictObject o(j, "registration: master");
  MasterObject m{o.text("ref"), o.digest("sha256")};
  if (m.key.empty()) o.fail("ref", "is empty");
  o.done();
  return m;
}

CalibrationObjects decode_calibration(const json& j) {
  StrictObject o(j, "registration: calibration");
  CalibrationObjects c{decode_object(o.get("dark")), decode_object(o.get("flat"))};
  o.done();
  return c;
}

RegisteredFrame decode_frame(const json& j, std::size_t calibrations) {
  StrictObject o(j, "registration: frame");
  RegisteredFrame f;
  f.path = o.text("path");
  f.width = static_cast<int>(o.integer("width", 1, kLargestSide_px));
  f.height = static_cast<int>(o.integer("height", 1, kLargestSide_px));
  f.transform = decode_transform(o.get("transform"));
  f.calibration = static_cast<int>(o.integer("calibration", -1, static_cast<std::int64_t>(calibrations) - 1));
  o.done();
  return f;
}

std::string decode_pattern(StrictObject& o) {
  const std::string pattern = o.text("cfa_pattern");
  for (const char* known : {"", "RGGB", "BGGR", "GRBG", "GBRG"})
    if (pattern == known) return pattern;
  o.fail("cfa_pattern", "is no pattern of a colour sensor");
}

}  // namespace

std::string encode_registration(const Registration& r) {
  json calibrations = json::array(), frames = json::array();
  for (const CalibrationObjects& c : r.calibrations)
    calibrations.push_back({{"dark", encode_object(c.dark)}, {"flat", encode_object(c.flat)}});
  for (const RegisteredFrame& f : r.frames)
    frames.push_back({{"path", f.path},
                      {"width", f.width},
                      {"height", f.height},
                      {"transform", encode_transform(f.transform)},
                      {"calibration", f.calibration}});
  json all = {{"schema", 1},
              {"reference", r.reference},
              {"grid", encode_grid(r.grid)},
              {"cfa_pattern", r.cfa_pattern},
              {"calibrations", calibrations},
              {"frames", frames}};
  if (r.drizzles()) all["drop_px"] = r.drop_px;
  return all.dump(1) + "\n";
}

Registration decode_registration(std::string_view bytes) {
  const json j = StrictObject::parse(bytes, "registration");
  StrictObject o(j, "registration");
  o.integer("schema", 1, 1);
  Registration r;
  r.reference = o.text("reference");
  r.grid = decode_output_grid(o.get("grid"));
  r.cfa_pattern = decode_pattern(o);
  if (o.has("drop_px")) {
    r.drop_px = o.number("drop_px");
    if (!(r.drop_px > 0 && r.drop_px <= 1)) o.fail("drop_px", "is not above 0 and at most 1");
  }
  const json& calibrations = o.get("calibrations");
  if (!calibrations.is_array() || calibrations.size() > kMostCalibrations)
    o.fail("calibrations", "is no list of masters");
  for (const json& c : calibrations) r.calibrations.push_back(decode_calibration(c));
  if (!o.get("frames").is_array()) o.fail("frames", "is not a list");
  for (const json& f : o.get("frames")) r.frames.push_back(decode_frame(f, r.calibrations.size()));
  o.done();
  return r;
}

}  // namespace tilecompile
