// The forward's kernels. NVRTC compiles them at load for the card at hand and the model's shape; `emulation.rs` says the same
// in Rust, kernel by kernel and in the same order, and a test holds that against the CPU's own forward.
//
// Given at compile time: DTYPE (of matrices: 0 f32, 1 bf16, 2 f16), EMBEDDING (of the embedding, likewise), HIDDEN,
// INTERMEDIATE, HEADS, KV_HEADS, HEAD_DIM, ACTIVATION (0 silu, 1 gelu by tanh, 2 gelu by erf), and as bits of an f32 EPSILON,
// SCALE (of queries) and SOFTCAP (0 for none).
//
// No sum depends on anything but its own row: not on other rows, not on how many there are, not on a row's place. The
// compiler fuses no operation that is not written fused.

typedef unsigned int u32;
typedef unsigned long long u64;

#define GROUP (HEADS / KV_HEADS)
#define QUERIES (HEADS * HEAD_DIM)
#define KEYS (KV_HEADS * HEAD_DIM)
#define JOINED (QUERIES + 2 * KEYS)
#define HALF (HEAD_DIM / 2)
#define F32(bits) __uint_as_float(bits)
#define NONE F32(0xff800000u)
#define ALL 0xffffffffu

__device__ float widen_bf16(unsigned short x) { return F32((u32)x << 16); }

__device__ float widen_f16(unsigned short x) {
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x));
    return y;
}

#if DTYPE == 0
typedef float operand;
__device__ operand narrow(float x) { return x; }
#elif DTYPE == 1
typedef unsigned short operand;
// To the nearest, ties to even.
__device__ operand narrow(float x) {
    u32 bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (operand)((bits >> 16) | 0x40u);
    return (operand)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
#else
typedef unsigned short operand;
__device__ operand narrow(float x) {
    unsigned short y;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));
    return y;
}
#endif

#if EMBEDDING == 0
typedef float embedded;
__device__ float widen(embedded x) { return x; }
#elif EMBEDDING == 1
typedef unsigned short embedded;
__device__ float widen(embedded x) { return widen_bf16(x); }
#else
typedef unsigned short embedded;
__device__ float widen(embedded x) { return widen_f16(x); }
#endif

// e^x by Cephes' expf, as `native/elementwise.rs` has it.
__device__ float exponential(float x) {
    const float shift = 12582912.0f;
    x = x < -87.3f ? -87.3f : x;
    x = x > 88.3f ? 88.3f : x;
    float shifted = __fmaf_rn(x, 1.44269504f, shift);
    float n = shifted - shift;
    float r = __fmaf_rn(n, 2.1219444e-4f, __fmaf_rn(n, -0.6933594f, x));
    float y = 1.9875691e-4f;
    y = __fmaf_rn(y, r, 1.3981999e-3f);
    y = __fmaf_rn(y, r, 8.333452e-3f);
    y = __fmaf_rn(y, r, 4.1665796e-2f);
    y = __fmaf_rn(y, r, 1.6666666e-1f);
    y = __fmaf_rn(y, r, 0.5f);
    y = __fmaf_rn(y, r * r, r) + 1.0f;
    u32 power = __float_as_uint(shifted) - __float_as_uint(shift) + 127u;
    return y * F32(power << 23);
}

// By Cephes' tanhf, likewise.
__device__ float hyperbolic_tangent(float x) {
    float square = x * x;
    float y = -5.7049887e-3f;
    y = __fmaf_rn(y, square, 2.0639088e-2f);
    y = __fmaf_rn(y, square, -5.3739715e-2f);
    y = __fmaf_rn(y, square, 1.3331442e-1f);
    y = __fmaf_rn(y, square, -3.333328e-1f);
    if (fabsf(x) < 0.625f) return __fmaf_rn(y * square, x, x);
    return 1.0f - 2.0f / (exponential(2.0f * x) + 1.0f);
}

// The lanes of a warp summed pairwise: every lane has the same bits.
__device__ float warp_sum(float x) {
    for (int step = 16; step > 0; step /= 2) x += __shfl_xor_sync(ALL, x, step);
    return x;
}

__device__ float warp_max(float x) {
    for (int step = 16; step > 0; step /= 2) {
        float other = __shfl_xor_sync(ALL, x, step);
        x = x > other ? x : other;
    }
    return x;
}

// Warps in order. Every thread of the block has the sum.
__device__ float block_sum(float x) {
    __shared__ float of_warp[32];
    x = warp_sum(x);
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = x;
    __syncthreads();
    float sum = of_warp[0];
    for (int warp = 1; warp < blockDim.x / 32; warp++) sum += of_warp[warp];
    __syncthreads();
    return sum;
}

// 1 / √(mean square + epsilon)
__device__ float norm_factor(float squares, int width) { return 1.0f / sqrtf(squares / (float)width + F32(EPSILON)); }

// A block a row: the token's embedding, scaled. `to` [rows, HIDDEN].
extern "C" __global__ void embed(const embedded *embedding, const u32 *tokens, float scale, float *to) {
    const embedded *from = embedding + (u64)tokens[blockIdx.x] * HIDDEN;
    to += (u64)blockIdx.x * HIDDEN;
    for (int i = threadIdx.x; i < HIDDEN; i += blockDim.x) to[i] = widen(from[i]) * scale;
}

// A block a row: root mean square norm. `x` and `to` [rows, HIDDEN].
extern "C" __global__ void norm_rows(const float *x, const float *weight, operand *to) {
    x += (u64)blockIdx.x * HIDDEN;
    to += (u64)blockIdx.x * HIDDEN;
    float sum = 0.0f;
    for (int i = threadIdx.x; i < HIDDEN; i += blockDim.x) sum = __fmaf_rn(x[i], x[i], sum);
    float factor = norm_factor(block_sum(sum), HIDDEN);
    for (int i = threadIdx.x; i < HIDDEN; i += blockDim.x) to[i] = narrow(x[i] * factor * weight[i]);
}

// A warp a row and head: bias, head norm, rotation, and of queries the scale, in place. `joined` [rows, JOINED], `cos` and
// `sin` [rows, HALF]. Bias and norms may be absent.
extern "C" __global__ void heads(float *joined, const float *bias, const float *query_norm, const float *key_norm,
                                 const float *cos, const float *sin) {
    int head = blockIdx.y * 4 + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (head >= HEADS + 2 * KV_HEADS) return;
    float *x = joined + (u64)blockIdx.x * JOINED + head * HEAD_DIM;
    if (bias)
        for (int i = lane; i < HEAD_DIM; i += 32) x[i] += bias[head * HEAD_DIM + i];
    if (head >= HEADS + KV_HEADS) return;
    __syncwarp();
    const float *weight = head < HEADS ? query_norm : key_norm;
    float factor = 1.0f;
    if (weight) {
        float sum = 0.0f;
        for (int i = lane; i < HEAD_DIM; i += 32) sum = __fmaf_rn(x[i], x[i], sum);
        factor = norm_factor(warp_sum(sum), HEAD_DIM);
    }
    float scale = head < HEADS ? F32(SCALE) : 1.0f;
    for (int i = lane; i < HALF; i += 32) {
        float a = x[i], b = x[i + HALF];
        if (weight) {
            a = a * factor * weight[i];
            b = b * factor * weight[i + HALF];
        }
        float c = cos[(u64)blockIdx.x * HALF + i], s = sin[(u64)blockIdx.x * HALF + i];
        x[i] = (a * c - b * s) * scale;
        x[i + HALF] = (b * c + a * s) * scale;
    }
}

// A block of 128 threads a row and key head: the row's node attends to positions of the prefix, then to its ancestors and
// itself, 32 at a time in order. `starts` [nodes] says how many positions of the prefix a node has behind it, `offsets`
// [nodes + 1] where its ancestors stand in `lineage`, from its root to itself. `which` names the node of each row; without it
// a row is its own. `window` is 0 for none. `past_keys`, `past_values` [positions, KEYS]; `to` [rows, QUERIES].
extern "C" __global__ void attend(const float *joined, const float *past_keys, const float *past_values, const u32 *starts,
                                  const u32 *offsets, const u32 *lineage, const u32 *which, u32 window, operand *to) {
    const int PER_THREAD = (HEAD_DIM + 127) / 128, PER_LANE = (HEAD_DIM + 31) / 32;
    __shared__ float query[GROUP][HEAD_DIM], weight[GROUP][32], rescale[GROUP], greatest[GROUP], total[GROUP];
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    u32 node = which ? which[blockIdx.x] : blockIdx.x, kv = blockIdx.y;
    u32 start = starts[node], length = offsets[node + 1] - offsets[node], position = start + length - 1;
    u32 first = window && position + 1 > window ? position + 1 - window : 0;
    u32 skipped = first > start ? first - start : 0;
    first = first > start ? start : first;
    u32 behind = start - first, count = behind + length - skipped;
    const u32 *ancestors = lineage + offsets[node] + skipped;

    for (int i = threadIdx.x; i < GROUP * HEAD_DIM; i += 128)
        query[i / HEAD_DIM][i % HEAD_DIM] = joined[(u64)node * JOINED + kv * GROUP * HEAD_DIM + i];
    if (threadIdx.x < GROUP) {
        greatest[threadIdx.x] = NONE;
        total[threadIdx.x] = 0.0f;
    }
    float mixed[GROUP][PER_THREAD];
    for (int g = 0; g < GROUP; g++)
        for (int k = 0; k < PER_THREAD; k++) mixed[g][k] = 0.0f;
    __syncthreads();

    for (u32 base = 0; base < count; base += 32) {
        u32 here = count - base < 32 ? count - base : 32;
        for (u32 p = warp; p < here; p += 4) {
            u32 at = base + p;
            const float *key = at < behind ? past_keys + (u64)(first + at) * KEYS + kv * HEAD_DIM
                                           : joined + (u64)ancestors[at - behind] * JOINED + QUERIES + kv * HEAD_DIM;
            float k[PER_LANE];
            for (int j = 0; j < PER_LANE; j++) k[j] = lane + 32 * j < HEAD_DIM ? key[lane + 32 * j] : 0.0f;
            for (int g = 0; g < GROUP; g++) {
                float sum = 0.0f;
                for (int j = 0; j < PER_LANE; j++)
                    if (lane + 32 * j < HEAD_DIM) sum = __fmaf_rn(query[g][lane + 32 * j], k[j], sum);
                sum = warp_sum(sum);
                if (SOFTCAP) sum = F32(SOFTCAP) * hyperbolic_tangent(sum / F32(SOFTCAP));
                if (lane == 0) weight[g][p] = sum;
            }
        }
        __syncthreads();
        for (int g = warp; g < GROUP; g += 4) {
            float x = lane < here ? weight[g][lane] : NONE, old = greatest[g], top = warp_max(x);
            top = top > old ? top : old;
            float e = lane < here ? exponential(x - top) : 0.0f, sum = warp_sum(e);
            weight[g][lane] = e;
            __syncwarp();
            if (lane == 0) {
                float factor = base == 0 ? 0.0f : exponential(old - top);
                rescale[g] = factor;
                total[g] = __fmaf_rn(total[g], factor, sum);
                greatest[g] = top;
            }
        }
        __syncthreads();
        for (int g = 0; g < GROUP; g++)
            for (int k = 0; k < PER_THREAD; k++) mixed[g][k] *= rescale[g];
        for (u32 p = 0; p < here; p++) {
            u32 at = base + p;
            const float *value = at < behind ? past_values + (u64)(first + at) * KEYS + kv * HEAD_DIM
                                             : joined + (u64)ancestors[at - behind] * JOINED + QUERIES + KEYS + kv * HEAD_DIM;
            for (int k = 0; k < PER_THREAD; k++) {
                int i = threadIdx.x + 128 * k;
                float v = i < HEAD_DIM ? value[i] : 0.0f;
                for (int g = 0; g < GROUP; g++) mixed[g][k] = __fmaf_rn(weight[g][p], v, mixed[g][k]);
            }
        }
        __syncthreads();
    }
    for (int g = 0; g < GROUP; g++)
        for (int k = 0; k < PER_THREAD; k++) {
            int i = threadIdx.x + 128 * k;
            if (i < HEAD_DIM) to[(u64)blockIdx.x * QUERIES + (kv * GROUP + g) * HEAD_DIM + i] = narrow(mixed[g][k] / total[g]);
        }
}

// A block a row: what a layer's part gave is added to the stream, behind its bias and norm where it has them, and the stream's
// norm is taken for the next part: into `to`, or behind the last layer in f32 into `out`. All [rows, HIDDEN].
extern "C" __global__ void join(const float *added, const float *bias, const float *post, float *hidden, const float *next,
                                operand *to, float *out) {
    u64 row = (u64)blockIdx.x * HIDDEN;
    added += row;
    hidden += row;
    float factor = 1.0f;
    if (post) {
        float sum = 0.0f;
        for (int i = threadIdx.x; i < HIDDEN; i += blockDim.x) {
            float a = bias ? added[i] + bias[i] : added[i];
            sum = __fmaf_rn(a, a, sum);
        }
        factor = norm_factor(block_sum(sum), HIDDEN);
    }
    float sum = 0.0f;
    for (int i = threadIdx.x; i < HIDDEN; i += blockDim.x) {
        float a = bias ? added[i] + bias[i] : added[i];
        if (post) a = a * factor * post[i];
        float h = hidden[i] + a;
        hidden[i] = h;
        sum = __fmaf_rn(h, h, sum);
    }
    factor = norm_factor(block_sum(sum), HIDDEN);
    for (int i = threadIdx.x; i < HIDDEN; i += blockDim.x) {
        float y = hidden[i] * factor * next[i];
        if (out) out[row + i] = y;
        else to[row + i] = narrow(y);
    }
}

// A thread a value: the gate's activation times the other half. `x` [rows, 2 · INTERMEDIATE], gate first; `bias` of both;
// `to` [rows, INTERMEDIATE].
extern "C" __global__ void activate(const float *x, const float *bias, operand *to) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= INTERMEDIATE) return;
    u64 row = blockIdx.y;
    float gate = x[row * 2 * INTERMEDIATE + i], up = x[row * 2 * INTERMEDIATE + INTERMEDIATE + i];
    if (bias) {
        gate += bias[i];
        up += bias[INTERMEDIATE + i];
    }
    float y;
    if (ACTIVATION == 0) {
        y = gate / (1.0f + exponential(-gate)) * up;
    } else if (ACTIVATION == 1) {
        // ½ (1 + tanh u) = 1 / (1 + e^-2u)
        float u = -1.5957692f * gate * __fmaf_rn(0.044715f, gate * gate, 1.0f);
        y = gate / (1.0f + exponential(u)) * up;
    } else {
        double wide = gate;
        y = (float)(0.5 * wide * (1.0 + erf(wide * 0.70710678118654752))) * up;
    }
    to[row * INTERMEDIATE + i] = narrow(y);
}

// A block a row: `width` values of row `rows[r]` of `from`, from column `column` on. `from` [.., stride], `to` [rows, width].
extern "C" __global__ void gather(const float *from, u32 stride, u32 column, u32 width, const u32 *rows, float *to) {
    from += (u64)rows[blockIdx.x] * stride + column;
    to += (u64)blockIdx.x * width;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) to[i] = from[i];
}

// Numbers between -1 and 1 that look like chance, for the test of products.
extern "C" __global__ void noise(operand *to, u32 count, u32 seed) {
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    u32 x = i * 2654435761u + seed;
    x = (x ^ (x >> 16)) * 2246822519u;
    x = (x ^ (x >> 13)) * 3266489917u;
    x ^= x >> 16;
    to[i] = narrow((float)(int)x / 2147483648.0f);
}

// Sets `flag` where the bits of `a` and `b` differ anywhere.
extern "C" __global__ void compare(const float *a, const float *b, u32 count, u32 *flag) {
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count && __float_as_uint(a[i]) != __float_as_uint(b[i])) *flag = 1;
}
