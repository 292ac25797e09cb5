#include "camera_frame.hpp"

#include "fits_writer.hpp"
#include "tilecompile/camera/camera_raw.hpp"
#include "tilecompile/camera/tiff_frame.hpp"

namespace tilecompile {

std::string camera_frame_as_fits(const std::filesystem::path& path) {
  const CameraRaw raw = read_camera_raw(path);
  ProductHeader header;
  if (raw.exposure_s > 0) header.cards.push_back({"EXPTIME", raw.exposure_s, "[s] exposure"});
  if (raw.iso > 0) header.cards.push_back({"ISOSPEED", raw.iso, ""});
  if (!raw.date_obs.empty()) header.cards.push_back({"DATE-OBS", raw.date_obs, "clock of the camera"});
  header.cards.push_back({"INSTRUME", raw.camera, ""});
  header.cards.push_back({"ROWORDER", std::string("TOP-DOWN"), ""});
  if (!raw.cfa.empty()) header.cards.push_back({"BAYERPAT", raw.cfa, ""});
  header.cards.push_back({"BLACKLEV", raw.black, "level without light"});
  header.cards.push_back({"WHITELEV", raw.white, "level of saturation"});
  FitsWriter writer(raw.codes.size() * sizeof(std::uint16_t), path.string());
  writer.begin_image(USHORT_IMG, {raw.codes.width(), raw.codes.height()});
  write_product_header(&writer, header);
  writer.planes(std::vector<Plane<std::uint16_t>>{raw.codes});
  writer.end_hdu();
  return writer.take();
}

std::string tiff_frame_as_fits(const std::filesystem::path& path) {
  const TiffFrame tiff = read_tiff_frame(path);
  const Plane<std::uint16_t>& first = tiff.planes.front();
  ProductHeader header;
  if (tiff.exposure_s > 0) header.cards.push_back({"EXPTIME", tiff.exposure_s, "[s] exposure"});
  if (!tiff.date_obs.empty()) header.cards.push_back({"DATE-OBS", tiff.date_obs, "clock of the camera"});
  if (!tiff.camera.empty()) header.cards.push_back({"INSTRUME", tiff.camera, ""});
  header.cards.push_back({"ROWORDER", std::string(tiff.bottom_up ? "BOTTOM-UP" : "TOP-DOWN"), ""});
  FitsWriter writer(first.size() * tiff.planes.size() * sizeof(std::uint16_t), path.string());
  std::vector<long> axes = {first.width(), first.height()};
  if (tiff.planes.size() > 1) axes.push_back(static_cast<long>(tiff.planes.size()));
  writer.begin_image(USHORT_IMG, axes);
  write_product_header(&writer, header);
  writer.planes(tiff.planes);
  writer.end_hdu();
  return writer.take();
}

}  // namespace tilecompile
