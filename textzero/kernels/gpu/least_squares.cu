// Conjugate gradients for all rows at once (see kernels/reference/least_squares.py).
//
// A pass over the records is cut into chunks of at most CHUNK records of one row, by position alone;
// a warp takes a chunk and writes its sum. A warp for each row adds the sums of its chunks in their
// order and moves the row. So long rows are shared by many warps, there are no atomics, and every
// bit depends on CHUNK and DIM only.
//
// A packed row of DIM / 2 words is read by GROUP lanes, EACH words a lane, so a warp reads several
// rows at a time; TOGETHER of them are under way in each group. Their products with the vector are
// summed over the lanes by halving: lanes exchange half of what they hold, so that TOGETHER sums
// over GROUP lanes take about as many shuffles, and each lane ends with one record's sum.

// compiled with: DIM=32; DIM=64; DIM=96; DIM=128; DIM=320; DIM=512; DIM=1024

#ifndef DIM
#define DIM 128
#endif

typedef long long i64;

#define FULL 0xFFFFFFFFu
#ifndef CHUNK
#define CHUNK 1024
#endif
#define WORDS (DIM / 2)

#if DIM == 32
#define GROUP 4
#elif DIM == 64
#define GROUP 8
#elif DIM >= 512 && DIM % 64 == 0
#define GROUP 32
#else
#define GROUP 16
#endif

#define EACH (WORDS / GROUP)
#define AT_ONCE (32 / GROUP)
#define OWN (DIM / 32)  // numbers that a lane owns where a warp has a row

#if GROUP == 4 || (EACH > 6 && EACH <= 12)
#define TOGETHER 4
#elif EACH <= 6
#define TOGETHER 8
#elif EACH <= 20
#define TOGETHER 2
#else
#define TOGETHER 1
#endif

#if DIM <= 128
#define BLOCKS 4  // on a multiprocessor, of 128 threads, at least
#else
#define BLOCKS 2
#endif

#define QUADS (EACH / 4)
#define WORDS_IN_QUADS (QUADS * 4)

__device__ __forceinline__ i64 warp_of_grid() {
    return ((i64)blockIdx.x * blockDim.x + threadIdx.x) / 32;
}

__device__ __forceinline__ float warp_sum(float x) {
#pragma unroll
    for (int by = 16; by; by /= 2) x += __shfl_xor_sync(FULL, x, by);
    return x;
}

__device__ __forceinline__ double warp_sum(double x) {
#pragma unroll
    for (int by = 16; by; by /= 2) x += __shfl_xor_sync(FULL, x, by);
    return x;
}

// --- packed rows

// Which word of a row is word k of lane g of a group: fours, then a two, then a one.
__device__ __forceinline__ int word_of(int k, int g) {
    if (k < WORDS_IN_QUADS) return (k & ~3) * GROUP + 4 * g + (k & 3);
    if (k < (EACH & ~1)) return WORDS_IN_QUADS * GROUP + 2 * g + (k & 1);
    return (EACH & ~1) * GROUP + g;
}

// The dimension in the low half of that word; that in the high half is 16 more.
__device__ __forceinline__ int low_of(int k, int g) {
    const int word = word_of(k, g);
    return word / 16 * 32 + word % 16;
}

__device__ __forceinline__ void read_words(const unsigned* row, int g, unsigned* words) {
#pragma unroll
    for (int q = 0; q < QUADS; ++q) {
        const uint4 four = __ldg((const uint4*)(row + q * 4 * GROUP) + g);
        words[4 * q] = four.x;
        words[4 * q + 1] = four.y;
        words[4 * q + 2] = four.z;
        words[4 * q + 3] = four.w;
    }
    if (EACH & 2) {
        const uint2 two = __ldg((const uint2*)(row + WORDS_IN_QUADS * GROUP) + g);
        words[WORDS_IN_QUADS] = two.x;
        words[WORDS_IN_QUADS + 1] = two.y;
    }
    if (EACH & 1) words[EACH - 1] = __ldg(row + (EACH & ~1) * GROUP + g);
}

__device__ __forceinline__ float low(unsigned word) { return __uint_as_float(word << 16); }

__device__ __forceinline__ float high(unsigned word) { return __uint_as_float(word); }

// --- a pass over the records

// Leave in v[0] of each lane the sum over the group of v[g % TOGETHER].
__device__ __forceinline__ void sum_over_group(float* v, int g) {
#pragma unroll
    for (int half = TOGETHER / 2; half; half /= 2) {
        const bool upper = g & half;
#pragma unroll
        for (int i = 0; i < half; ++i) {
            const float sent = upper ? v[i] : v[i + half], kept = upper ? v[i + half] : v[i];
            v[i] = kept + __shfl_xor_sync(FULL, sent, half);
        }
    }
#pragma unroll
    for (int by = TOGETHER; by < GROUP; by *= 2) v[0] += __shfl_xor_sync(FULL, v[0], by);
}

// Sum over a chunk's records of coefficient * c, into sums[chunk]. With x the row's vector, the
// coefficient is (f - u v) <x, c>; FIRST, it is f m - (f - u v) <x, c>, and measures[chunk] gets
// the loss, the sum of u v <x, c>^2 and the sum of f - u v.
template <bool FIRST>
__device__ __forceinline__ void sum_chunk(
    i64 chunk, const unsigned* __restrict__ context, const i64* starts, const i64* chunks,
    const int* chunk_rows, const int* __restrict__ columns, const float* __restrict__ logs,
    const float* __restrict__ weights, const float* row_bias,
    const float2* __restrict__ column_numbers, float clip, const float* row_weights,
    const float* vectors, float* sums, double* measures) {
    const int lane = threadIdx.x % 32, g = lane % GROUP;
    const i64 row = chunk_rows[chunk];
    const i64 begin = starts[row] + (chunk - chunks[row]) * CHUNK;
    const i64 end = min(begin + CHUNK, starts[row + 1]);
    const float u = row_weights[row], bias = FIRST ? row_bias[row] : 0.0f;
    float x[2 * EACH], sum[2 * EACH];
#pragma unroll
    for (int k = 0; k < EACH; ++k) {
        x[2 * k] = vectors[row * DIM + low_of(k, g)];
        x[2 * k + 1] = vectors[row * DIM + low_of(k, g) + 16];
        sum[2 * k] = sum[2 * k + 1] = 0;
    }
    double loss = 0, unobserved = 0, total = 0;
    // lane g of group r has record g * AT_ONCE + r of a tile: what is read together is in a row
    const int place = g * AT_ONCE + lane / GROUP;
    int next = __ldcs(columns + min(begin + place, end - 1));
    for (i64 tile = begin; tile < end; tile += 32) {
        const i64 k = tile + place;
        const bool there = k < end;
        const int column = next;
        next = __ldcs(columns + min(k + 32, end - 1));  // while this tile is worked on
        const float2 numbers = __ldg(column_numbers + column);
        const float f = there ? __ldcs(weights + k) : 0.0f;
        const float uv = there ? u * numbers.y : 0.0f;
        float target = 0;
        if (FIRST) target = fmaxf((there ? __ldcs(logs + k) : 0.0f) + bias + numbers.x, clip);
        const int left = (int)min(end - tile, 32ll);
        float fitted = 0;
#pragma unroll 1
        for (int first = 0; first * AT_ONCE < left; first += TOGETHER) {
            unsigned words[TOGETHER][EACH];
            float v[TOGETHER];
#pragma unroll
            for (int p = 0; p < TOGETHER; ++p) {
                const int its = __shfl_sync(FULL, column, first + p, GROUP);
                read_words(context + (i64)its * WORDS, g, words[p]);
            }
#pragma unroll
            for (int p = 0; p < TOGETHER; ++p) {
                v[p] = 0;
#pragma unroll
                for (int e = 0; e < EACH; ++e) {
                    v[p] = __fmaf_rn(low(words[p][e]), x[2 * e], v[p]);
                    v[p] = __fmaf_rn(high(words[p][e]), x[2 * e + 1], v[p]);
                }
            }
            sum_over_group(v, g);
            float coefficient = (f - uv) * v[0];
            if (FIRST) {
                coefficient = f * target - coefficient;
                if (g / TOGETHER * TOGETHER == first) fitted = v[0];
            }
#pragma unroll
            for (int p = 0; p < TOGETHER; ++p) {
                const float its = __shfl_sync(FULL, coefficient, first + p, GROUP);
#pragma unroll
                for (int e = 0; e < EACH; ++e) {
                    sum[2 * e] = __fmaf_rn(its, low(words[p][e]), sum[2 * e]);
                    sum[2 * e + 1] = __fmaf_rn(its, high(words[p][e]), sum[2 * e + 1]);
                }
            }
        }
        if (FIRST) {
            const float error = fitted - target;
            loss += f * error * error;
            unobserved += uv * fitted * fitted;
            total += f - uv;
        }
    }
#pragma unroll
    for (int i = 0; i < 2 * EACH; ++i) {
#pragma unroll
        for (int by = GROUP; by < 32; by *= 2) sum[i] += __shfl_xor_sync(FULL, sum[i], by);
    }
    if (lane < GROUP) {
#pragma unroll
        for (int k = 0; k < EACH; ++k) {
            sums[chunk * DIM + low_of(k, g)] = sum[2 * k];
            sums[chunk * DIM + low_of(k, g) + 16] = sum[2 * k + 1];
        }
    }
    if (FIRST) {
        loss = warp_sum(loss);
        unobserved = warp_sum(unobserved);
        total = warp_sum(total);
        if (lane == 0) {
            measures[3 * chunk] = loss;
            measures[3 * chunk + 1] = unobserved;
            measures[3 * chunk + 2] = total;
        }
    }
}

// The first pass, of the rows themselves. Chunks of row i are chunks[i] ... chunks[i + 1] - 1.
extern "C" __global__ void __launch_bounds__(128, BLOCKS) first_pass(
    i64 n_chunks, const unsigned* context, const i64* starts, const i64* chunks,
    const int* chunk_rows, const int* columns, const float* logs, const float* weights,
    const float* row_bias, const float2* column_numbers, float clip, const float* row_weights,
    const float* rows, float* sums, double* measures) {
    const i64 chunk = warp_of_grid();
    if (chunk < n_chunks)
        sum_chunk<true>(chunk, context, starts, chunks, chunk_rows, columns, logs, weights,
                        row_bias, column_numbers, clip, row_weights, rows, sums, measures);
}

// A pass of a step, of the directions of the rows that are not solved yet.
extern "C" __global__ void __launch_bounds__(128, BLOCKS) step_pass(
    i64 n_chunks, const unsigned* context, const i64* starts, const i64* chunks,
    const int* chunk_rows, const int* columns, const float* weights, const float2* column_numbers,
    const float* row_weights, const float* directions, const float* squares, float* sums) {
    const i64 chunk = warp_of_grid();
    if (chunk < n_chunks && squares[chunk_rows[chunk]] > 0)
        sum_chunk<false>(chunk, context, starts, chunks, chunk_rows, columns, nullptr, weights,
                         nullptr, column_numbers, 0, row_weights, directions, sums, nullptr);
}

// --- what a row does between passes, a warp for each

// Numbers lane, lane + 32, ... of a row of DIM.
__device__ __forceinline__ void read_row(const float* matrix, i64 row, float* own) {
#pragma unroll
    for (int k = 0; k < OWN; ++k) own[k] = matrix[row * DIM + 32 * k + threadIdx.x % 32];
}

__device__ __forceinline__ void write_row(float* matrix, i64 row, const float* own) {
#pragma unroll
    for (int k = 0; k < OWN; ++k) matrix[row * DIM + 32 * k + threadIdx.x % 32] = own[k];
}

__device__ __forceinline__ void add_chunks(const float* sums, i64 begin, i64 end, float* own) {
    for (i64 chunk = begin; chunk < end; ++chunk)
#pragma unroll
        for (int k = 0; k < OWN; ++k) own[k] += sums[chunk * DIM + 32 * k + threadIdx.x % 32];
}

// Residual and first direction of each row; the rows moved by it if `steps` is 0, else as they are.
extern "C" __global__ void begin_rows(i64 n_rows, const float* rows, const i64* chunks,
                                      const float* sums, const double* measures,
                                      const float* row_weights, const float* curvature, int steps,
                                      float* made, float* residuals, float* directions,
                                      float* scales, float* squares, double* losses,
                                      double* objectives) {
    const i64 row = warp_of_grid();
    if (row >= n_rows) return;
    const int lane = threadIdx.x % 32;
    const i64 begin = chunks[row], end = chunks[row + 1];
    const float u = row_weights[row];
    float own[OWN], residual[OWN];
    double loss = 0, unobserved = 0, total = 0, norm = 0;
    for (i64 chunk = begin; chunk < end; ++chunk) {
        loss += measures[3 * chunk];
        unobserved += measures[3 * chunk + 1];
        total += measures[3 * chunk + 2];
    }
    const float scale = fmaxf((float)total, 0.0f);
    read_row(rows, row, own);
#pragma unroll
    for (int k = 0; k < OWN; ++k) residual[k] = 0;
    add_chunks(sums, begin, end, residual);
    float square = 0;
#pragma unroll
    for (int k = 0; k < OWN; ++k) {
        norm += (double)own[k] * own[k];
        residual[k] -= u * own[k];
    }
    if (steps) write_row(residuals, row, residual);
#pragma unroll
    for (int k = 0; k < OWN; ++k) {
        const float direction = residual[k] / (u + scale * curvature[32 * k + lane]);
        square += residual[k] * direction;
        residual[k] = direction;
        if (!steps) own[k] += direction;
    }
    if (steps) write_row(directions, row, residual);
    write_row(made, row, own);
    square = warp_sum(square);
    norm = warp_sum(norm);
    if (lane) return;
    scales[row] = scale;
    squares[row] = square;
    losses[row] = loss;
    objectives[row] = loss - unobserved + u * norm;
}

// A step of each row that is not solved yet, along its direction; after the last, no new direction.
extern "C" __global__ void move_rows(i64 n_rows, const i64* chunks, const float* sums,
                                     const float* row_weights, const float* curvature,
                                     const float* scales, int last, float* made, float* residuals,
                                     float* directions, float* squares) {
    const i64 row = warp_of_grid();
    if (row >= n_rows) return;
    const int lane = threadIdx.x % 32;
    const float square = squares[row], u = row_weights[row];
    if (!(square > 0)) return;
    float direction[OWN], image[OWN], own[OWN];
    read_row(directions, row, direction);
#pragma unroll
    for (int k = 0; k < OWN; ++k) image[k] = 0;
    add_chunks(sums, chunks[row], chunks[row + 1], image);
    float bend = 0;
#pragma unroll
    for (int k = 0; k < OWN; ++k) {
        image[k] += u * direction[k];
        bend += direction[k] * image[k];
    }
    bend = warp_sum(bend);
    __syncwarp();  // all lanes have read the square
    if (!(bend > 0)) {  // solved, to the last bit of float32
        if (lane == 0) squares[row] = 0;
        return;
    }
    const float length = square / bend;
    read_row(made, row, own);
#pragma unroll
    for (int k = 0; k < OWN; ++k) own[k] += length * direction[k];
    write_row(made, row, own);
    if (last) return;
    float next = 0;
    read_row(residuals, row, own);
#pragma unroll
    for (int k = 0; k < OWN; ++k) {
        own[k] -= length * image[k];
        image[k] = own[k] / (u + scales[row] * curvature[32 * k + lane]);
        next += own[k] * image[k];
    }
    write_row(residuals, row, own);
    next = warp_sum(next);
    const float kept = next / square;
#pragma unroll
    for (int k = 0; k < OWN; ++k) image[k] += kept * direction[k];
    write_row(directions, row, image);
    if (lane == 0) squares[row] = next;
}
