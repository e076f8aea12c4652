/* What `statistics.c` offers: 72 bytes about `count` elements, written to `target`. */
#ifndef GRAPHSCOPE_STATISTICS_H
#define GRAPHSCOPE_STATISTICS_H

#include <stdint.h>

#define STATS_BYTES 72

void graphscope_float32(const void *memory, int64_t count, void *target);
void graphscope_float64(const void *memory, int64_t count, void *target);
void graphscope_bfloat16(const void *memory, int64_t count, void *target);
void graphscope_float16(const void *memory, int64_t count, void *target);

#endif
