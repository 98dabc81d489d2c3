// The engine's inner loops: products of integer matrices with vectors, in WebAssembly SIMD.
//
// A matrix stays as its file stores it: int8, with a float32 scale for each block of a row. A
// vector is rounded to int16, with a scale for each block as well, so that one large entry does
// not make the others coarse. Two blocks are multiplied as integers, exactly, and their sum is
// scaled: 64 · 127 · 32767 fits 32 bits.
//
// Everything else of a model is JavaScript; these loops are where its time goes, and after them the
// activations of its feed-forward networks and the sums of exponentials over a vocabulary.

#include <stdint.h>
#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(#name))) void name
#define INLINE static inline __attribute__((always_inline))

typedef v128_t Vector;  // four float32, four int32, eight int16 or sixteen int8

#define LOG2_E 1.44269504f
// (ln 2)^k / k!, from k = 6 down to 0
static const float TERMS[] = {1.54035304e-4f, 1.33335581e-3f, 9.61812911e-3f, 5.55041087e-2f,
                              2.40226507e-1f, 6.93147181e-1f, 1};

INLINE float sum(Vector x) {
  return (wasm_f32x4_extract_lane(x, 0) + wasm_f32x4_extract_lane(x, 1)) +
         (wasm_f32x4_extract_lane(x, 2) + wasm_f32x4_extract_lane(x, 3));
}

INLINE float largest(Vector x) {
  float a = wasm_f32x4_extract_lane(x, 0), b = wasm_f32x4_extract_lane(x, 1);
  float c = wasm_f32x4_extract_lane(x, 2), d = wasm_f32x4_extract_lane(x, 3);
  float e = a > b ? a : b, f = c > d ? c : d;
  return e > f ? e : f;
}

INLINE Vector rounded(const float *x, Vector factor) {
  return wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(wasm_f32x4_mul(wasm_v128_load(x), factor)));
}

// Rounds float32 vectors to int16, each block's largest entry becoming 32767.
//
// x (n): all vectors, one behind the other; out (n); scales and sums (n / width): of each block
// its scale and the sum of its entries, which a block's minimum is multiplied with.
EXPORT(quantize)(const float *x, int16_t *out, float *scales, float *sums, int n, int width) {
  for (int block = 0; block < n / width; block++, x += width, out += width) {
    Vector peak = wasm_f32x4_splat(0), total = wasm_f32x4_splat(0);
    for (int i = 0; i < width; i += 4) {
      Vector part = wasm_v128_load(x + i);
      peak = wasm_f32x4_max(peak, wasm_f32x4_abs(part));
      total = wasm_f32x4_add(total, part);
    }
    float highest = largest(peak);
    Vector factor = wasm_f32x4_splat(highest > 0 ? 32767.0f / highest : 0);
    for (int i = 0; i < width; i += 8) {
      Vector low = rounded(x + i, factor), high = rounded(x + i + 4, factor);
      wasm_v128_store(out + i, wasm_i16x8_narrow_i32x4(low, high));
    }
    scales[block] = highest / 32767.0f;
    sums[block] = sum(total);
  }
}

// Products of a block's weights with as many entries, as four partial sums in int32.
INLINE Vector dot(const Vector *wide, const int16_t *entries, const int width) {
  Vector total = wasm_i32x4_dot_i16x8(wide[0], wasm_v128_load(entries));
  for (int i = 1; i < width / 8; i++)
    total = wasm_i32x4_add(total, wasm_i32x4_dot_i16x8(wide[i], wasm_v128_load(entries + 8 * i)));
  return total;
}

INLINE Vector add_scaled(Vector total, Vector integers, Vector scale) {
  return wasm_f32x4_add(total, wasm_f32x4_mul(wasm_f32x4_convert_i32x4(integers), scale));
}

// y[t][row] = x[t] · weights[row], for T vectors at a time: a weight is read and widened once for
// all of them.
INLINE void multiply_some(const int8_t *weights, const float *scales, const int16_t *x,
                          const float *x_scales, float *y, int rows, int columns, const int T,
                          const int width) {
  const int blocks = columns / width;
  for (int row = 0; row < rows; row++, weights += columns, scales += blocks) {
    Vector total[T];
    for (int t = 0; t < T; t++) total[t] = wasm_f32x4_splat(0);
    for (int block = 0; block < blocks; block++) {
      const int8_t *w = weights + block * width;
      Vector scale = wasm_v128_load32_splat(scales + block);
      Vector wide[8];  // as int16
      for (int i = 0; i < width / 8; i++) wide[i] = wasm_i16x8_load8x8(w + 8 * i);
      for (int t = 0; t < T; t++) {
        const int16_t *entries = x + t * columns + block * width;
        Vector both = wasm_f32x4_mul(scale, wasm_v128_load32_splat(x_scales + t * blocks + block));
        total[t] = add_scaled(total[t], dot(wide, entries, width), both);
      }
    }
    for (int t = 0; t < T; t++) y[t * rows + row] = sum(total[t]);
  }
}

INLINE void multiply(const int8_t *weights, const float *scales, const int16_t *x,
                     const float *x_scales, float *y, int rows, int columns, int n,
                     const int width) {
#define NEXT(T)                                                                                \
  {                                                                                            \
    multiply_some(weights, scales, x, x_scales, y, rows, columns, T, width);                   \
    x += T * columns, x_scales += T * (columns / width), y += T * rows, n -= T;                \
  }
  while (n >= 8) NEXT(8)
  if (n >= 4) NEXT(4)
  if (n == 3) NEXT(3)
  if (n == 2) NEXT(2)
  if (n == 1) NEXT(1)
#undef NEXT
}

// Products of a matrix, (rows, columns), with n vectors: y (n, rows). One function a block's width.
EXPORT(multiply_16)(const int8_t *weights, const float *scales, const int16_t *x,
                    const float *x_scales, float *y, int rows, int columns, int n) {
  multiply(weights, scales, x, x_scales, y, rows, columns, n, 16);
}

EXPORT(multiply_32)(const int8_t *weights, const float *scales, const int16_t *x,
                    const float *x_scales, float *y, int rows, int columns, int n) {
  multiply(weights, scales, x, x_scales, y, rows, columns, n, 32);
}

EXPORT(multiply_64)(const int8_t *weights, const float *scales, const int16_t *x,
                    const float *x_scales, float *y, int rows, int columns, int n) {
  multiply(weights, scales, x, x_scales, y, rows, columns, n, 64);
}

// Where a format's weights are scale · integer - minimum: y[t][row] -= minimums[row] · sums[t].
//
// minimums (rows, blocks); sums (n, blocks), from quantize. blocks is a multiple of four.
EXPORT(subtract_minimums)(const float *minimums, const float *sums, float *y, int rows, int blocks,
                          int n) {
  for (int t = 0; t < n; t++)
    for (int row = 0; row < rows; row++) {
      Vector total = wasm_f32x4_splat(0);
      for (int i = 0; i < blocks; i += 4)
        total = wasm_f32x4_add(total, wasm_f32x4_mul(wasm_v128_load(minimums + row * blocks + i),
                                                     wasm_v128_load(sums + t * blocks + i)));
      y[t * rows + row] -= sum(total);
    }
}

// e^x for x ≤ 0: a power of two, times the first terms of the series of 2^f for f from -0.5 to 0.5.
INLINE Vector exponential(Vector x) {
  Vector power = wasm_f32x4_mul(wasm_f32x4_max(x, wasm_f32x4_splat(-87)), wasm_f32x4_splat(LOG2_E));
  Vector whole = wasm_f32x4_nearest(power), f = wasm_f32x4_sub(power, whole);
  Vector series = wasm_f32x4_splat(TERMS[0]);
  for (int i = 1; i < 7; i++)
    series = wasm_f32x4_add(wasm_f32x4_mul(series, f), wasm_f32x4_splat(TERMS[i]));
  Vector exponent = wasm_i32x4_add(wasm_i32x4_trunc_sat_f32x4(whole), wasm_i32x4_splat(127));
  return wasm_f32x4_mul(series, wasm_i32x4_shl(exponent, 23));
}

// 1 / (1 + e^-x)
INLINE Vector sigmoid(Vector x) {
  Vector e = exponential(wasm_f32x4_neg(wasm_f32x4_abs(x))), one = wasm_f32x4_splat(1);
  Vector is_negative = wasm_f32x4_lt(x, wasm_f32x4_splat(0));
  return wasm_f32x4_div(wasm_v128_bitselect(e, one, is_negative), wasm_f32x4_add(one, e));
}

// x · sigmoid(2u) is x · (1 + tanh(u)) / 2; here 2u from x.
INLINE Vector twice_inside_tanh(Vector x) {
  Vector cubic = wasm_f32x4_mul(wasm_f32x4_mul(x, x), wasm_f32x4_splat(0.044715f));
  Vector factor = wasm_f32x4_mul(wasm_f32x4_add(cubic, wasm_f32x4_splat(1)),
                                 wasm_f32x4_splat(1.59576912f));  // 2 √(2 / π)
  return wasm_f32x4_mul(x, factor);
}

INLINE void activate(float *gate, const float *up, int n, Vector (*inside)(Vector)) {
  for (int i = 0; i < n; i += 4) {
    Vector x = wasm_v128_load(gate + i);
    Vector active = wasm_f32x4_mul(x, sigmoid(inside(x)));
    wasm_v128_store(gate + i, wasm_f32x4_mul(active, wasm_v128_load(up + i)));
  }
}

INLINE Vector itself(Vector x) { return x; }

// gate[i] = silu(gate[i]) · up[i]; n is a multiple of four.
EXPORT(silu)(float *gate, const float *up, int n) { activate(gate, up, n, itself); }

// The same with GELU in the formula with tanh.
EXPORT(gelu_tanh)(float *gate, const float *up, int n) {
  activate(gate, up, n, twice_inside_tanh);
}

// The sum of e^(x[i] - highest) over x (n), none of which is above the highest.
__attribute__((export_name("sum_exponentials"))) double sum_exponentials(const float *x,
                                                                         float highest, int n) {
  double total = 0;
  for (int start = 0; start < n; start += 256) {  // in float32 no longer sums than these
    int end = start + 256 < n ? start + 256 : n, i = start;
    Vector some = wasm_f32x4_splat(0);
    for (; i + 4 <= end; i += 4)
      some = wasm_f32x4_add(
          some, exponential(wasm_f32x4_sub(wasm_v128_load(x + i), wasm_f32x4_splat(highest))));
    total += sum(some);
    for (; i < end; i++)
      total += wasm_f32x4_extract_lane(exponential(wasm_f32x4_splat(x[i] - highest)), 0);
  }
  return total;
}
