// What memory allows a solver that reads a row of another matrix for each record, and nothing else.

typedef long long i64;

// Sixteen lanes read a row of 256 bytes; a warp has UNROLL pairs of rows under way. A warp takes
// `each` records in a row, as a solver takes those of a word.
#define UNROLL 8

extern "C" __global__ void gather_rows(const uint4* table, const int* columns, i64 n, i64 each,
                                       unsigned* out) {
    const i64 warp = ((i64)blockIdx.x * blockDim.x + threadIdx.x) / 32;
    const int half = threadIdx.x % 32 / 16, lane = threadIdx.x % 16;
    const i64 begin = warp * each, end = min(begin + each, n);
    uint4 sum = {0, 0, 0, 0};
    i64 k = begin + half;
    for (; k + 2 * (UNROLL - 1) < end; k += 2 * UNROLL) {
        uint4 rows[UNROLL];
#pragma unroll
        for (int u = 0; u < UNROLL; ++u) rows[u] = __ldg(table + (i64)columns[k + 2 * u] * 16 + lane);
#pragma unroll
        for (int u = 0; u < UNROLL; ++u) {
            sum.x += rows[u].x;
            sum.y += rows[u].y;
            sum.z += rows[u].z;
            sum.w += rows[u].w;
        }
    }
    for (; k < end; k += 2) {
        const uint4 row = __ldg(table + (i64)columns[k] * 16 + lane);
        sum.x += row.x;
        sum.y += row.y;
        sum.z += row.z;
        sum.w += row.w;
    }
    if (begin < n) out[warp * 32 + threadIdx.x % 32] = sum.x + sum.y + sum.z + sum.w;
}
