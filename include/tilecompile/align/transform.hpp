#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace tilecompile {

/// A place in an image, px; whole numbers are centres of pixels.
struct Point {
  double x = 0, y = 0;
};

/// The kinds of transform, from the least to the most that they can do.
enum class TransformModel { kShift, kSimilarity, kAffine, kHomography, kQuadratic, kCubic };
inline constexpr int kTransformModels = 6;
/// The word of the configuration, and back.
const char* model_name(TransformModel model);
std::optional<TransformModel> model_from_name(std::string_view name);
/// Numbers that a fit of the model finds.
int parameters_of(TransformModel model);

/// Takes a place of the reference to the place of the same sky in a frame:
/// u = sum u[k] m_k(p, q) / (1 + g p + h q), v alike, with the ten monomials m = 1, p, q, p^2, pq, q^2, p^3,
/// p^2 q, p q^2, q^3 of p = (x - centre_x) / scale, q = (y - centre_y) / scale. All models are of this form.
struct Transform {
  TransformModel model = TransformModel::kShift;
  double centre_x = 0, centre_y = 0, scale = 1;
  std::array<double, 10> u{}, v{};
  double g = 0, h = 0;
  bool operator==(const Transform&) const = default;
};

/// A transform along one row: polynomials of p, by powers, the d/dq ones too, and what they are divided by.
struct RowPolynomials {
  double u[4], v[4], uq[3], vq[3];
  double g, h, below, scale;  ///< below: 1 + h q
};

/// The transform along one row of the reference: the same sums for a pixel whichever part of the row is asked
/// for.
class RowTransform {
 public:
  RowTransform(const Transform& t, double y);
  Point at(double x) const;
  /// The Jacobian determinant d(u, v) / d(x, y): source area a unit of area of the reference.
  double area_at(double x) const;
  /// p of a column.
  double scaled(double x) const { return (x - centre_x_) / sums_.scale; }
  /// at() and area_at() of n columns, to the bit; p: scaled().
  void carry(const double* p, int n, double* u, double* v, double* area) const;

 private:
  double centre_x_;
  RowPolynomials sums_;
};

/// The place in the frame of a place in the reference.
Point map(const Transform& t, Point reference);
/// The Jacobian determinant at a place of the reference; negative for mirror images.
double area(const Transform& t, Point reference);
/// The place in the reference of a place in the frame, by at most 20 Newton steps from the inverse of the
/// linear part; nothing where they do not settle within 1e-6 px.
std::optional<Point> unmap(const Transform& t, Point in_frame);

/// The transform that moves by (dx, dy).
Transform shift_transform(double dx, double dy);

/// Scale, rotation and shift of the linear part at the centre, for people.
struct TransformFigures {
  double scale = 1, rotation_deg = 0, shift_x_px = 0, shift_y_px = 0;  ///< shift of the reference's centre
};
TransformFigures figures_of(const Transform& t, Point centre);

}  // namespace tilecompile
