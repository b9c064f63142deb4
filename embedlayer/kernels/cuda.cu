// The kernels of the contract for NVIDIA GPUs: reference/ defines them, cuda.py launches them.
//
// Compiled when first used, by NVRTC, so nothing is included. float32 only. A table row is D floats
// at W + row * D, split among the 32 lanes of a warp. docs/gpu.md explains grid, memory and races.

typedef long long i64;
typedef unsigned long long u64;

#define FULL_WARP 0xffffffffu
#define LANES 32
#define TILE 4  // hidden rows trained together: an output row is then fetched once for four of them

// The tables are read while other warps add to them, without locks (Hogwild). These reads, and no
// others, may meet a write. They pass by the L1 cache, where the sums of other warps do not arrive.
#define HOGWILD_LOAD(pointer) __ldcg(pointer)

// ---------------------------------------------------------------------------------------- helpers

// rng.hash64: the same bits on every backend.
__device__ u64 hash64(u64 key, u64 counter) {
    u64 bits = key + (counter + 1) * 0x9E3779B97F4A7C15ull;
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9ull;
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBull;
    return bits ^ (bits >> 31);
}

__device__ u64 below(u64 bits, u64 limit) { return ((bits >> 32) * limit) >> 32; }

__device__ i64 global_thread() { return (i64)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ i64 thread_count() { return (i64)gridDim.x * blockDim.x; }

template <class T>
__device__ T warp_sum(T value) {
    for (int distance = LANES / 2; distance > 0; distance /= 2)
        value += __shfl_xor_sync(FULL_WARP, value, distance);
    return value;
}

// Four sums over the warp with six shuffles, not twenty: lane l returns the sum of value[l % 4].
__device__ float warp_sum4(const float (&value)[4], int lane) {
    const bool odd = lane & 1, upper = lane & 2;
    float low = odd ? value[1] : value[0], high = odd ? value[3] : value[2];
    low += __shfl_xor_sync(FULL_WARP, odd ? value[0] : value[1], 1);
    high += __shfl_xor_sync(FULL_WARP, odd ? value[2] : value[3], 1);
    float sum = (upper ? high : low) + __shfl_xor_sync(FULL_WARP, upper ? low : high, 2);
    for (int distance = 4; distance < LANES; distance *= 2)
        sum += __shfl_xor_sync(FULL_WARP, sum, distance);
    return sum;
}

__device__ float sigmoid(float score) { return __fdividef(1.0f, 1.0f + __expf(-score)); }

// log(1 + exp(x)), the loss of a score -x that should be large.
__device__ float softplus(float x) { return fmaxf(x, 0.0f) + log1pf(__expf(-fabsf(x))); }

// WIDTH neighbouring floats of a row, moved in one access: 16 bytes when D allows it.
template <int WIDTH>
struct __align__(4 * WIDTH) Piece {
    float at[WIDTH];
};

__device__ void load(Piece<1>& to, const float* table) { to.at[0] = HOGWILD_LOAD(table); }
__device__ void load(Piece<4>& to, const float* table) {
    const float4 from = HOGWILD_LOAD((const float4*)table);
    to = {{from.x, from.y, from.z, from.w}};
}

__device__ void add(float* table, const Piece<1>& piece) { atomicAdd(table, piece.at[0]); }
__device__ void add(float* table, const Piece<4>& piece) {
#if __CUDA_ARCH__ >= 900
    atomicAdd((float4*)table, make_float4(piece.at[0], piece.at[1], piece.at[2], piece.at[3]));
#else
    for (int i = 0; i < 4; ++i) atomicAdd(table + i, piece.at[i]);
#endif
}

template <int WIDTH>
__device__ void add_scaled(Piece<WIDTH>& to, float factor, const Piece<WIDTH>& piece) {
    for (int i = 0; i < WIDTH; ++i) to.at[i] += factor * piece.at[i];
}

template <int WIDTH>
__device__ float dot(const Piece<WIDTH>& left, const Piece<WIDTH>& right) {
    float sum = 0.0f;
    for (int i = 0; i < WIDTH; ++i) sum += left.at[i] * right.at[i];
    return sum;
}

// ------------------------------------------------------------------- subsample, windows and draws

extern "C" __global__ void mark_kept(const int* ids, i64 start, const unsigned* keep, u64 key,
                                     bool* kept, i64 N) {
    for (i64 i = global_thread(); i < N; i += thread_count())
        kept[i] = (hash64(key, start + i) >> 32) <= keep[ids[i]];
}

// before[i] kept tokens stand before token i. Slots past the last kept token are set to -1.
extern "C" __global__ void compact_kept(const int* ids, i64 start, const i64* before,
                                        int* kept_ids, i64* positions, i64 N) {
    for (i64 i = global_thread(); i < N; i += thread_count()) {
        const i64 slot = before[i];
        if (before[i + 1] > slot) {
            kept_ids[slot] = ids[i];
            positions[slot] = start + i;
        }
        if (i >= before[N]) {
            kept_ids[i] = -1;
            positions[i] = -1;
        }
    }
}

struct Span {
    i64 first, last;  // the window's first and last token
};

// The window around token i, which lies in the last sentence s with offsets[s] <= i.
__device__ Span window_around(i64 i, const i64* offsets, const i64* positions, int least,
                              int window, u64 key, i64 S) {
    i64 low = 0, high = S;
    while (high - low > 1) {
        const i64 middle = (low + high) / 2;
        if (offsets[middle] <= i) low = middle;
        else high = middle;
    }
    const i64 half = (i64)below(hash64(key, positions[i]), window - least + 1) + least;
    return {max(i - half, offsets[low]), min(i + half, offsets[low + 1] - 1)};
}

extern "C" __global__ void window_sizes(const i64* offsets, const i64* positions, int least,
                                        int window, u64 key, int* sizes, i64 S, i64 N) {
    for (i64 i = global_thread(); i < N; i += thread_count()) {
        sizes[i] = 0;
        if (i >= offsets[S]) continue;
        const Span span = window_around(i, offsets, positions, least, window, key, S);
        sizes[i] = (int)(span.last - span.first);
    }
}

extern "C" __global__ void window_contexts(const int* ids, const i64* offsets,
                                           const i64* positions, int least, int window,
                                           u64 key, const i64* starts, int* contexts, i64 S,
                                           i64 N) {
    for (i64 i = global_thread(); i < N; i += thread_count()) {
        if (i >= offsets[S]) continue;
        const Span span = window_around(i, offsets, positions, least, window, key, S);
        i64 slot = starts[i];
        for (i64 j = span.first; j <= span.last; ++j)
            if (j != i) contexts[slot++] = ids[j];
    }
}

extern "C" __global__ void draw(const unsigned* prob, const int* alias, const int* targets,
                                const i64* positions, u64 key, int* rows, int V, int negative,
                                i64 B) {
    for (i64 b = global_thread(); b < B; b += thread_count()) {
        const u64 stream = hash64(key, positions[b]);
        const int target = targets[b];
        int* row = rows + b * (1 + negative);
        row[0] = target;
        for (int k = 0; k < negative; ++k) {
            const u64 bits = hash64(stream, k);
            const int slot = (int)below(bits, V);
            const int word = (unsigned)bits <= prob[slot] ? slot : alias[slot];
            row[1 + k] = target < 0 || word == target ? -1 : word;
        }
    }
}

// -------------------------------------------------------------------------------- bags and scatter

extern "C" __global__ void bag_sum(const float* W, const int* ids, const i64* offsets, bool mean,
                                   float* sums, int D, i64 B) {
    const int lane = threadIdx.x % LANES;
    for (i64 bag = global_thread() / LANES; bag < B; bag += thread_count() / LANES) {
        const i64 first = offsets[bag], end = offsets[bag + 1];
        const float size = mean && end > first ? (float)(end - first) : 1.0f;
        for (int d = lane; d < D; d += LANES) {
            float sum = 0.0f;
            for (i64 i = first; i < end; ++i) sum += W[(i64)ids[i] * D + d];
            sums[bag * D + d] = sum / size;
        }
    }
}

extern "C" __global__ void scatter_add(float* W, const int* rows, const float* values, int D,
                                       i64 N) {
    const int lane = threadIdx.x % LANES;
    for (i64 i = global_thread() / LANES; i < N; i += thread_count() / LANES) {
        if (rows[i] < 0) continue;
        for (int d = lane; d < D; d += LANES)
            atomicAdd(&W[(i64)rows[i] * D + d], values[i * D + d]);
    }
}

// Each run of equal rows belongs to the warp that meets its head: one writer, one order of adding.
extern "C" __global__ void scatter_add_sorted(float* W, const int* rows, const i64* order,
                                              const float* values, int D, i64 N) {
    const int lane = threadIdx.x % LANES;
    for (i64 i = global_thread() / LANES; i < N; i += thread_count() / LANES) {
        const int row = rows[i];
        if (row < 0 || (i > 0 && rows[i - 1] == row)) continue;
        for (int d = lane; d < D; d += LANES) {
            float sum = W[(i64)row * D + d];
            for (i64 j = i; j < N && rows[j] == row; ++j) sum += values[order[j] * D + d];
            W[(i64)row * D + d] = sum;
        }
    }
}

// A warp for each of N bags that are read: their numbers are in bags, and none is empty.
extern "C" __global__ void bag_means(const float* W, const int* ids, const i64* offsets,
                                     const int* bags, float* means, int D, i64 N) {
    const int lane = threadIdx.x % LANES;
    for (i64 n = global_thread() / LANES; n < N; n += thread_count() / LANES) {
        const i64 first = offsets[bags[n]], end = offsets[bags[n] + 1];
        for (int d = lane; d < D; d += LANES) {
            float sum = 0.0f;
            for (i64 i = first; i < end; ++i) sum += W[(i64)ids[i] * D + d];
            means[n * D + d] = sum / (float)max(end - first, (i64)1);
        }
    }
}

extern "C" __global__ void add_to_bags(float* W, const int* ids, const i64* offsets,
                                       const int* bags, const float* values, int D, i64 N) {
    const int lane = threadIdx.x % LANES;
    for (i64 n = global_thread() / LANES; n < N; n += thread_count() / LANES) {
        const i64 first = offsets[bags[n]], end = offsets[bags[n] + 1];
        for (int d = lane; d < D; d += LANES) {
            const float value = values[n * D + d];
            for (i64 i = first; i < end; ++i) atomicAdd(&W[(i64)ids[i] * D + d], value);
        }
    }
}

// ---------------------------------------------------------------------------------------- sgd_step
//
// Loops over windows, rows and pieces are not unrolled: with at most 64 registers a thread, 32 warps
// fit on a multiprocessor and nothing is spilled.

// What a warp holds of its window. Lane l owns the pieces l, l + 32, ... of every row, so that rows
// need no barrier; the short arrays are shared by the lanes, and do.
template <int WIDTH>
struct Held {
    const int R, D, pieces;
    Piece<WIDTH>* rows;  // see output, change and hidden
    Piece<TILE>* step;   // (R, TILE): the scores, then lr * times * (label - sigmoid(score))
    float* row_times;    // (R,): how often the row stands in the window; 0: skip it
    float* row_labels;   // (R,): the sum of its labels
    int* row;            // (R,)
    float* tile_times;   // (TILE,): how often the hidden row stands in the window; 0: no row
    int* tile_row;       // (TILE,)

    // The short arrays take 2 R + 2 pieces of memory, the rows follow; cuda.py counts the bytes.
    __device__ Held(Piece<TILE>* memory, int R, int D) : R(R), D(D), pieces(D / WIDTH) {
        step = memory;
        row_times = (float*)(memory + R);
        row_labels = row_times + R;
        row = (int*)(row_labels + R);
        tile_times = (float*)(row + R);
        tile_row = (int*)(tile_times + TILE);
        rows = (Piece<WIDTH>*)(memory + 2 * R + 2);
    }
    // An output row as it was when the window began.
    __device__ Piece<WIDTH>& output(int r, int p) { return rows[r * pieces + p]; }
    // What the window adds to it.
    __device__ Piece<WIDTH>& change(int r, int p) { return rows[(R + r) * pieces + p]; }
    // A hidden vector of the tile, then what is added to it.
    __device__ Piece<WIDTH>& hidden(int t, int p) { return rows[(2 * R + t) * pieces + p]; }
    // Piece p of a table's row.
    __device__ float* in(float* W, int row, int p) { return W + (i64)row * D + p * WIDTH; }
};

// How often ids[place] stands in the list; 0 for "no row" and where it stood earlier already.
__device__ float occurrences(const int* ids, int size, int place) {
    const int id = ids[place];
    float times = 0.0f;
#pragma unroll 1
    for (int i = 0; i < size; ++i)
        if (ids[i] == id) {
            if (i < place) return 0.0f;
            times += 1.0f;
        }
    return id < 0 ? 0.0f : times;
}

// Reads the window's distinct output rows, once each; returns this lane's share of their number.
template <int WIDTH>
__device__ int gather_output(Held<WIDTH>& held, float* W_out, const int* rows,
                             const float* labels, int lane) {
    int real = 0;
    __syncwarp();
#pragma unroll 1
    for (int r = lane; r < held.R; r += LANES) {
        float label = 0.0f;
#pragma unroll 1
        for (int q = 0; q < held.R; ++q)
            if (rows[q] == rows[r]) label += labels[q];
        held.row[r] = rows[r];
        held.row_labels[r] = label;
        held.row_times[r] = occurrences(rows, held.R, r);
        real += (int)held.row_times[r];
    }
    __syncwarp();
    for (int r = 0; r < held.R; ++r)
#pragma unroll 1
        for (int p = lane; p < held.pieces && held.row_times[r] != 0.0f; p += LANES) {
            load(held.output(r, p), held.in(W_out, held.row[r], p));
            held.change(r, p) = {};
        }
    return real;
}

// Visits the distinct context words, TILE at a time: tile_row and tile_times name them.
// A repeated word is one hidden vector with a weight, so no row is read after it was written.
template <int WIDTH, class Visit>
__device__ void for_each_tile(Held<WIDTH>& held, const int* contexts, int size, int lane,
                              Visit visit) {
#pragma unroll 1
    for (int begin = 0; begin < size; begin += LANES) {
        const int place = begin + lane;
        const float times = place < size ? occurrences(contexts, size, place) : 0.0f;
        unsigned waiting = __ballot_sync(FULL_WARP, times > 0.0f);
#pragma unroll 1
        while (waiting) {
            const bool mine = waiting >> lane & 1;
            const int rank = __popc(waiting & ((1u << lane) - 1));
            __syncwarp();
            if (lane < TILE && lane >= __popc(waiting)) held.tile_times[lane] = 0.0f;
            if (mine && rank < TILE) {
                held.tile_row[rank] = contexts[place];
                held.tile_times[rank] = times;
            }
            __syncwarp();
            visit();
            waiting = __ballot_sync(FULL_WARP, mine && rank >= TILE);
        }
    }
}

// Scores, loss and updates of HIDDEN hidden vectors against all output rows; held.hidden becomes
// what is to be added to them. Returns this lane's share of the loss, 0 where it is not measured.
template <int HIDDEN, int WIDTH>
__device__ float train_tile(Held<WIDTH>& held, float lr, bool measured, int lane) {
#pragma unroll 1
    for (int r = 0; r < held.R; ++r) {
        if (held.row_times[r] == 0.0f) continue;
        float score[TILE] = {};
#pragma unroll 1
        for (int p = lane; p < held.pieces; p += LANES) {
            const Piece<WIDTH> output = held.output(r, p);
            for (int t = 0; t < HIDDEN; ++t) score[t] += dot(output, held.hidden(t, p));
        }
        const float sum = warp_sum4(score, lane);
        if (lane < HIDDEN) held.step[r].at[lane] = sum;
    }
    __syncwarp();

    float loss = 0.0f;
#pragma unroll 1
    for (int i = lane; i < held.R * HIDDEN; i += LANES) {
        const int r = i / HIDDEN, t = i % HIDDEN;
        if (held.row_times[r] == 0.0f) continue;
        const float score = held.step[r].at[t], times = held.tile_times[t];
        const float attract = held.row_labels[r], repel = held.row_times[r] - attract;
        if (measured) loss += times * (attract * softplus(-score) + repel * softplus(score));
        held.step[r].at[t] = lr * times * (attract - held.row_times[r] * sigmoid(score));
    }
    __syncwarp();

    // First the output rows, which need the hidden vectors, then these: sixteen registers serve both.
#pragma unroll 1
    for (int p = lane; p < held.pieces; p += LANES) {
        Piece<WIDTH> hidden[HIDDEN];
        for (int t = 0; t < HIDDEN; ++t) hidden[t] = held.hidden(t, p);
#pragma unroll 1
        for (int r = 0; r < held.R; ++r)
            if (held.row_times[r] != 0.0f)
                for (int t = 0; t < HIDDEN; ++t)
                    add_scaled(held.change(r, p), held.step[r].at[t], hidden[t]);
        for (int t = 0; t < HIDDEN; ++t) hidden[t] = {};
#pragma unroll 1
        for (int r = 0; r < held.R; ++r)
            if (held.row_times[r] != 0.0f)
                for (int t = 0; t < HIDDEN; ++t)
                    add_scaled(hidden[t], held.step[r].at[t], held.output(r, p));
        for (int t = 0; t < HIDDEN; ++t) held.hidden(t, p) = hidden[t];
    }
    return loss;
}

// Skip-gram: every context word is a hidden vector of its own.
template <int WIDTH>
__device__ float train_skipgram(Held<WIDTH>& held, float* W_in, const int* contexts, int size,
                                float lr, bool measured, int lane) {
    float loss = 0.0f;
    for_each_tile(held, contexts, size, lane, [&] {
        for (int t = 0; t < TILE; ++t)
#pragma unroll 1
            for (int p = lane; p < held.pieces; p += LANES)
                if (held.tile_times[t] == 0.0f) held.hidden(t, p) = {};
                else load(held.hidden(t, p), held.in(W_in, held.tile_row[t], p));
        loss += train_tile<TILE>(held, lr, measured, lane);
        for (int t = 0; t < TILE; ++t)
#pragma unroll 1
            for (int p = lane; p < held.pieces && held.tile_times[t] != 0.0f; p += LANES)
                add(held.in(W_in, held.tile_row[t], p), held.hidden(t, p));
    });
    return loss;
}

// CBOW: the mean of the context words is the one hidden vector; spread is what each of them gets.
template <int WIDTH>
__device__ float train_cbow(Held<WIDTH>& held, float* W_in, const int* contexts, int size,
                            float spread, float lr, bool measured, int lane) {
    for (int p = lane; p < held.pieces; p += LANES) held.hidden(0, p) = {};
    for_each_tile(held, contexts, size, lane, [&] {
        for (int t = 0; t < TILE; ++t)
            for (int p = lane; p < held.pieces && held.tile_times[t] != 0.0f; p += LANES) {
                Piece<WIDTH> word;
                load(word, held.in(W_in, held.tile_row[t], p));
                add_scaled(held.hidden(0, p), held.tile_times[t] / (float)size, word);
            }
    });
    __syncwarp();
    if (lane == 0) held.tile_times[0] = 1.0f;  // read after train_tile's first barrier
    const float loss = train_tile<1>(held, lr, measured, lane);
    for_each_tile(held, contexts, size, lane, [&] {
        for (int t = 0; t < TILE; ++t)
            for (int p = lane; p < held.pieces && held.tile_times[t] != 0.0f; p += LANES) {
                Piece<WIDTH> change = {};
                add_scaled(change, spread * held.tile_times[t], held.hidden(0, p));
                add(held.in(W_in, held.tile_row[t], p), change);
            }
    });
    return loss;
}

// Where a warp holds its window: in shared memory, or in scratch if that is too small. The compiler
// knows which of the two, so that no access has to find it out.
template <bool SCRATCH>
__device__ Piece<TILE>* memory_of_warp(float* scratch, i64 scratch_stride) {
    if (SCRATCH) return (Piece<TILE>*)(scratch + blockIdx.x * scratch_stride);
    extern __shared__ float4 shared_memory[];
    return (Piece<TILE>*)shared_memory;
}

// One warp, which is one block, walks over the windows b, b + gridDim, ...: so gridDim is the number
// of windows in flight.
template <bool MEAN, int WIDTH, bool SCRATCH>
__device__ void step_windows(float* W_in, float* W_out, const int* contexts, const i64* offsets,
                             const int* rows, const float* labels, int label_stride, float lr,
                             bool divide, const bool* measured, float* losses, i64* pairs,
                             float* scratch, i64 scratch_stride, int D, int R, i64 B) {
    const int lane = threadIdx.x;
    Held<WIDTH> held(memory_of_warp<SCRATCH>(scratch, scratch_stride), R, D);
    float loss = 0.0f;
    i64 count = 0;
#pragma unroll 1
    for (i64 b = blockIdx.x; b < B; b += gridDim.x) {
        const int* window = contexts + offsets[b];
        const int size = (int)(offsets[b + 1] - offsets[b]);
        if (size == 0) continue;
        const int real = gather_output(held, W_out, rows + b * R, labels + b * label_stride, lane);
        if (measured[b]) count += real * (MEAN ? 1 : size);
        if (MEAN)
            loss += train_cbow(held, W_in, window, size, divide ? 1.0f / (float)size : 1.0f, lr,
                               measured[b], lane);
        else
            loss += train_skipgram(held, W_in, window, size, lr, measured[b], lane);
        for (int r = 0; r < R; ++r)
#pragma unroll 1
            for (int p = lane; p < held.pieces && held.row_times[r] != 0.0f; p += LANES)
                add(held.in(W_out, held.row[r], p), held.change(r, p));
    }
    loss = warp_sum(loss);
    count = warp_sum(count);
    if (lane == 0) {
        losses[blockIdx.x] = loss;
        pairs[blockIdx.x] = count;
    }
}

#define SGD_STEP(NAME, MEAN, WIDTH, SCRATCH)                                                       \
    extern "C" __global__ void __launch_bounds__(LANES, 32)                                        \
    NAME(float* W_in, float* W_out, const int* contexts, const i64* offsets, const int* rows,      \
         const float* labels, int label_stride, float lr, bool divide, const bool* measured,       \
         float* losses, i64* pairs, float* scratch, i64 scratch_stride, int D, int R, i64 B) {     \
        step_windows<MEAN, WIDTH, SCRATCH>(W_in, W_out, contexts, offsets, rows, labels,           \
                                           label_stride, lr, divide, measured, losses, pairs,      \
                                           scratch, scratch_stride, D, R, B);                      \
    }
SGD_STEP(sgd_skipgram, false, 1, false)
SGD_STEP(sgd_skipgram_wide, false, 4, false)
SGD_STEP(sgd_skipgram_scratch, false, 1, true)
SGD_STEP(sgd_skipgram_wide_scratch, false, 4, true)
SGD_STEP(sgd_cbow, true, 1, false)
SGD_STEP(sgd_cbow_wide, true, 4, false)
SGD_STEP(sgd_cbow_scratch, true, 1, true)
SGD_STEP(sgd_cbow_wide_scratch, true, 4, true)
