// AdaGrad (see kernels/reference/adagrad.py): the records of a chunk in levels.
//
// A record's level is one above those of the records before it in its chunk that touch its row or
// its column. Records of a level touch no common vector, so the warps of a block visit them at the
// same time, level after level, and each vector sees the same records in the same order as if they
// came one after the other. Chunks touch no common vector at all; each has a block.

// compiled with: DIM=20; DIM=128; DIM=300; DIM=1024

#ifndef DIM
#define DIM 128
#endif

typedef long long i64;

#define FULL 0xFFFFFFFFu
#define OWN ((DIM + 31) / 32)  // numbers of a vector that a lane has

struct Record {
    int row, column;
    float target, weight;
};

__device__ __forceinline__ bool is_finite(float x) { return fabsf(x) <= 3.402823466e38f; }

// Levels of chunk b are chunk_levels[b] ... chunk_levels[b + 1] - 1, records of level l are
// level_starts[l] ... level_starts[l + 1] - 1. costs[b] and skipped[b] are added to.
extern "C" __global__ void __launch_bounds__(512)
    visit_levels(const Record* records, const i64* chunk_levels, const i64* level_starts,
                 float* centers, float* contexts, float* center_squares, float* context_squares,
                 float eta, float epsilon, double* costs, i64* skipped) {
    __shared__ double warp_costs[16];
    __shared__ int warp_skipped[16];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    double cost = 0;
    int lost = 0;
    for (i64 level = chunk_levels[blockIdx.x]; level < chunk_levels[blockIdx.x + 1]; ++level) {
        const i64 end = level_starts[level + 1];
        for (i64 k = level_starts[level] + warp; k < end; k += warps) {
            const Record record = records[k];
            float* center = centers + (i64)record.row * DIM;
            float* context = contexts + (i64)record.column * DIM;
            float v[OWN], c[OWN], product = 0;
#pragma unroll
            for (int a = 0; a < OWN; ++a) {
                const int at = 32 * a + lane;
                const bool there = DIM % 32 == 0 || at < DIM;
                v[a] = there ? center[at] : 0.0f;
                c[a] = there ? context[at] : 0.0f;
                product += v[a] * c[a];
            }
#pragma unroll
            for (int by = 16; by; by /= 2) product += __shfl_xor_sync(FULL, product, by);
            const float error = product - record.target, pull = record.weight * error;
            if (!(is_finite(error) && is_finite(pull))) {
                ++lost;
                continue;
            }
            cost += 0.5 * (double)pull * (double)error;
            float* g_sums = center_squares + (i64)record.row * DIM;
            float* h_sums = context_squares + (i64)record.column * DIM;
#pragma unroll
            for (int a = 0; a < OWN; ++a) {
                const int at = 32 * a + lane;
                if (DIM % 32 && at >= DIM) continue;
                const float g = pull * c[a], h = pull * v[a];
                const float g_sum = g_sums[at] + g * g, h_sum = h_sums[at] + h * h;
                g_sums[at] = g_sum;
                h_sums[at] = h_sum;
                center[at] = v[a] - eta * g / sqrtf(g_sum + epsilon);
                context[at] = c[a] - eta * h / sqrtf(h_sum + epsilon);
            }
        }
        __syncthreads();
    }
    if (lane == 0) {
        warp_costs[warp] = cost;
        warp_skipped[warp] = lost;
    }
    __syncthreads();
    if (threadIdx.x) return;
    for (int w = 1; w < warps; ++w) {
        cost += warp_costs[w];
        lost += warp_skipped[w];
    }
    costs[blockIdx.x] += cost;
    skipped[blockIdx.x] += lost;
}
