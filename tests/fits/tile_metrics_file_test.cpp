#include "tilecompile/fits/tile_metrics_file.hpp"

#include <gtest/gtest.h>

#include "handmade_fits.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

TileMetricsFile sample_metrics() {
  TileMetricsFile m;
  m.channels = 3;
  m.frames = 5;
  for (int t = 0; t < 4; ++t) {
    const double v = t;
    m.tiles.push_back({t,
                       {10 * t, 7, 16, 17},
                       t == 2 ? "STAR" : "STRUCTURE",
                       {v, v + 1, v + 2},
                       {3, 4, 5},
                       {0, 1, 2},
                       {1, 1, 1},
                       {false, t == 1, true},
                       {1, 1.25, 0.8},
                       {0, -1, 1}});
  }
  for (int i = 0; i < 3 * 4 * 5; ++i) {
    m.quality.push_back(0.1 * i);
    m.weight.push_back(1.0 / (i + 1));
  }
  return m;
}

TEST(TileMetricsFile, AstropySeesTheDocumentedShapes) {
  const std::string python = python_with_astropy();
  TILECOMPILE_NEEDS_TOOL(!python.empty(), "python with astropy");
  TempDir dir;
  write_tile_metrics(dir / "m.fits", sample_metrics(), {{}, {{"RUNID", std::string("abc"), ""}}, {"done"}});
  write_bytes(dir / "look.py",
              "import sys; from astropy.io import fits\n"
              "h = fits.open(sys.argv[1], checksum=True)\n"
              "q, w, t = h['QUALITY'].data, h['WEIGHT'].data, h['TILES'].data\n"
              "assert q.shape == w.shape == (3, 4, 5) and q.dtype == '>f8', (q.shape, q.dtype)\n"
              "assert q[2, 1, 3] == 0.1 * (2 * 20 + 1 * 5 + 3) and w[0, 0, 0] == 1\n"
              "assert t.names == ['tile_id', 'x0', 'y0', 'w', 'h', 'kind', 'sum_weights', 'n_eff',"
              " 'tile_background', 'tile_median', 'fallback_used', 'scale', 'offset'], t.names\n"
              "assert list(t['kind']) == ['STRUCTURE', 'STRUCTURE', 'STAR', 'STRUCTURE']\n"
              "assert t['sum_weights'].shape == (4, 3) and t['sum_weights'][3, 1] == 4\n"
              "assert t['fallback_used'].tolist()[1] == [False, True, True]\n"
              "assert t['x0'].tolist() == [0, 10, 20, 30] and t['scale'][0, 1] == 1.25\n"
              "assert h[0].header['RUNID'] == 'abc'\n"
              "h.close(); print('as documented')\n");
  const std::string said =
      run_command(python + " -W error " + (dir / "look.py").string() + " " + (dir / "m.fits").string());
  EXPECT_EQ(said, "as documented\n");
}

TEST(TileMetricsFile, SatisfiesFitsverifyAndHoldsNoClock) {
  TILECOMPILE_NEEDS_TOOL(have_fitsverify(), "fitsverify");
  TempDir dir;
  write_tile_metrics(dir / "a.fits", sample_metrics(), {});
  const std::string said = run_command("fitsverify " + (dir / "a.fits").string());
  EXPECT_NE(said.find(" 0 warning(s) and 0 error(s)"), std::string::npos) << said;
  EXPECT_EQ(read_bytes(dir / "a.fits").find("202"), std::string::npos);
}

TEST(TileMetricsFile, ShapesThatDisagreeAreABug) {
  TempDir dir;
  TileMetricsFile m = sample_metrics();
  m.quality.pop_back();
  EXPECT_THROW(write_tile_metrics(dir / "m.fits", m, {}), ContractError);
  m = sample_metrics();
  m.tiles[1].n_eff.clear();
  EXPECT_THROW(write_tile_metrics(dir / "m.fits", m, {}), ContractError);
}

}  // namespace
}  // namespace tilecompile
