/* Statistics of a tensor in one pass over its memory.
 *
 * An optional accelerator: without a compiler graphscope does the same with torch's own
 * kernels, in four passes. Every function writes the 72 bytes that a recording keeps:
 * numel, minimum, maximum, mean, standard deviation, l2, zeros, NaNs, infinities; the
 * floating point ones over the finite elements only. Sums run in double precision.
 *
 * The first pass is branch-free and assumes that all numbers are finite; it notices when
 * they are not, and only then a second, careful one runs.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "statistics.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WIDE
#endif

#define LANES 16
#define CANCELLED 1e-4

typedef struct {
    int64_t numel;
    double minimum, maximum, mean, std, l2;
    int64_t zeros, nans, infs;
} stats_t;

static inline float from_bfloat16(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float number;
    memcpy(&number, &wide, sizeof number);
    return number;
}

static inline float from_float16(uint16_t bits) {
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    uint32_t exponent = (bits >> 10) & 0x1f, fraction = bits & 0x3ff, wide;
    float number;
    if (exponent == 0x1f) {
        wide = sign | 0x7f800000u | fraction << 13;
    } else if (exponent) {
        wide = sign | (exponent + 112) << 23 | fraction << 13;
    } else {
        number = (float)fraction * 5.9604644775390625e-8f; /* 2 to the -24 */
        return sign ? -number : number;
    }
    memcpy(&number, &wide, sizeof number);
    return number;
}

#define AS_IS(x) (x)

/* `real_t` is what the lanes compare in, `LOAD` makes it out of an element. */
#define DEFINE(NAME, element_t, real_t, LOAD)                                          \
    static double NAME##_around(const element_t *data, int64_t n, double mean) {       \
        double total = 0;                                                              \
        for (int64_t i = 0; i < n; i++) {                                              \
            double x = (double)LOAD(data[i]);                                          \
            if (isfinite(x)) total += (x - mean) * (x - mean);                         \
        }                                                                              \
        return total;                                                                  \
    }                                                                                  \
    static void NAME##_careful(const element_t *data, int64_t n, stats_t *out) {       \
        double low = INFINITY, high = -INFINITY, sum = 0, squares = 0;                 \
        int64_t finite = 0;                                                            \
        for (int64_t i = 0; i < n; i++) {                                              \
            double x = (double)LOAD(data[i]);                                          \
            if (isnan(x)) { out->nans++; continue; }                                   \
            if (isinf(x)) { out->infs++; continue; }                                   \
            finite++;                                                                  \
            if (x < low) low = x;                                                      \
            if (x > high) high = x;                                                    \
            out->zeros += x == 0;                                                      \
            sum += x;                                                                  \
            squares += x * x;                                                          \
        }                                                                              \
        if (!finite) {                                                                 \
            out->minimum = out->maximum = out->mean = out->std = out->l2 = NAN;        \
            return;                                                                    \
        }                                                                              \
        out->minimum = low;                                                            \
        out->maximum = high;                                                           \
        out->mean = sum / (double)finite;                                              \
        out->l2 = sqrt(squares);                                                       \
        out->std = sqrt(NAME##_around(data, n, out->mean) / (double)finite);           \
    }                                                                                  \
    WIDE void NAME(const void *memory, int64_t n, void *target) {                      \
        const element_t *data = memory;                                                \
        real_t low[LANES], high[LANES];                                                \
        double sum[LANES] = {0}, squares[LANES] = {0};                                 \
        int64_t zeros = 0, i = 0;                                                      \
        stats_t out = {.numel = n};                                                    \
        for (int l = 0; l < LANES; l++) {                                              \
            low[l] = (real_t)INFINITY;                                                 \
            high[l] = (real_t)-INFINITY;                                               \
        }                                                                              \
        while (i + LANES <= n) {                                                       \
            /* short counters keep the lanes narrow */                                 \
            int32_t none[LANES] = {0};                                                 \
            int64_t stop = n - i > (int64_t)LANES << 20 ? i + ((int64_t)LANES << 20) : n; \
            for (; i + LANES <= stop; i += LANES) {                                    \
                for (int l = 0; l < LANES; l++) {                                      \
                    real_t x = (real_t)LOAD(data[i + l]);                              \
                    low[l] = x < low[l] ? x : low[l];                                  \
                    high[l] = x > high[l] ? x : high[l];                               \
                    none[l] += x == 0;                                                 \
                    double wide = (double)x;                                           \
                    sum[l] += wide;                                                    \
                    squares[l] += wide * wide;                                         \
                }                                                                      \
            }                                                                          \
            for (int l = 0; l < LANES; l++) zeros += none[l];                          \
        }                                                                              \
        double lowest = INFINITY, highest = -INFINITY, total = 0, square = 0;          \
        for (int l = 0; l < LANES; l++) {                                              \
            if ((double)low[l] < lowest) lowest = (double)low[l];                      \
            if ((double)high[l] > highest) highest = (double)high[l];                  \
            total += sum[l];                                                           \
            square += squares[l];                                                      \
        }                                                                              \
        for (; i < n; i++) {                                                           \
            double x = (double)LOAD(data[i]);                                          \
            if (x < lowest) lowest = x;                                                \
            if (x > highest) highest = x;                                              \
            zeros += x == 0;                                                           \
            total += x;                                                                \
            square += x * x;                                                           \
        }                                                                              \
        if (isfinite(square) && n) {                                                   \
            double mean = total / (double)n;                                           \
            double variance = square / (double)n - mean * mean;                        \
            if (variance < CANCELLED * mean * mean)                                    \
                variance = NAME##_around(data, n, mean) / (double)n;                   \
            out.minimum = lowest;                                                      \
            out.maximum = highest;                                                     \
            out.mean = mean;                                                           \
            out.std = sqrt(variance > 0 ? variance : 0);                               \
            out.l2 = sqrt(square);                                                     \
            out.zeros = zeros;                                                         \
        } else {                                                                       \
            NAME##_careful(data, n, &out);                                             \
        }                                                                              \
        memcpy(target, &out, sizeof out);                                              \
    }

DEFINE(graphscope_float32, float, float, AS_IS)
DEFINE(graphscope_float64, double, double, AS_IS)
DEFINE(graphscope_bfloat16, uint16_t, float, from_bfloat16)
DEFINE(graphscope_float16, uint16_t, float, from_float16)
