#pragma once

#include <algorithm>
#include <functional>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "cell_batches.hpp"
#include "range_pieces.hpp"
#include "ritz/comm/split_exchange.hpp"
#include "ritz/kernels/lanes.hpp"
#include "ritz/kernels/pack.hpp"

/// What operators without a matrix have in common: memory, workers, and the way through the
/// batches.
namespace ritz::assembly {

/// Memory that starts at a cache line; what it holds is not initialised.
template <class V>
class Slab {
 public:
  explicit Slab(std::size_t n)
      : data_(static_cast<V*>(::operator new (n * sizeof(V), std::align_val_t{64}))), size_(n) {}
  Slab(Slab&& other) noexcept : data_(other.data_), size_(other.size_) { other.data_ = nullptr; }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  Slab& operator=(Slab&&) = delete;
  ~Slab() { ::operator delete (data_, std::align_val_t{64}); }
  [[nodiscard]] V* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  V* data_;
  std::size_t size_;
};

/// Arrays that stay where they are, for one worker.
template <class V>
class Pool {
 public:
  V* take(std::size_t n) {
    if (slabs_.empty() || slabs_.back().size() < used_ + n) {
      slabs_.emplace_back(std::max(n, slab_size));
      used_ = 0;
    }
    V* place = slabs_.back().data() + used_;
    used_ += n;
    return place;
  }
  [[nodiscard]] std::size_t bytes() const {
    std::size_t total = 0;
    for (const Slab<V>& slab : slabs_) total += slab.size() * sizeof(V);
    return total;
  }

 private:
  static constexpr std::size_t slab_size = std::size_t{1} << 14;  // 1 MiB
  std::vector<Slab<V>> slabs_;
  std::size_t used_ = 0;
};

/// Runs work(0) .. work(n-1), on a thread each where there are threads.
template <class Work>
void run_workers(int n, const Work& work) {
  if (n == 1) {
    work(0);
    return;
  }
  using Host = Kokkos::DefaultHostExecutionSpace;
  // A string, because a launch would make one of a literal and allocate.
  static const std::string label = "ritz::assembly::workers";
  Kokkos::parallel_for(label, Kokkos::RangePolicy<Host, Kokkos::Schedule<Kokkos::Static>>(0, n),
                       work);
  Kokkos::fence();
}

/// One pass over a rank's batches for y = A x, with the messages and sums around it.
template <class T>
class CellSweep {
 public:
  using V = kernels::Lanes<T>;
  static constexpr int width = kernels::n_lanes<T>;
  using Hook = std::function<void(LocalId begin, LocalId end)>;

  explicit CellSweep(CellBatches list)
      : batches(std::move(list)), halo_(batches.plan, batches.n_owned) {}

  /// `scratch`: lanes for each worker. To be called once, before the others.
  void allocate(std::size_t scratch) {
    source_extra.resize(static_cast<std::size_t>(batches.n_copies + batches.n_zero));
    for (const CellBatches::Worker& worker : batches.workers) {
      target_extra.emplace_back(batches.n_extra(worker));
      scratch_.emplace_back(scratch);
    }
  }

  /// y = what cells(worker, first batch, last batch) and facets() add to it and to `target_extra`.
  /// Hooks as in CellOperator::apply(). Collective, no allocation.
  template <class Cells, class Facets>
  void sweep(const T* x, T* y, const Hook& before, const Hook& after, const Cells& cells,
             const Facets& facets) {
    const auto start = [&](const CellBatches::Range& range) {
      if (before) before(range.first, range.second);
      std::fill(y + range.first, y + range.second, T(0));
      auto f = std::lower_bound(batches.fixed.begin(), batches.fixed.end(), range.first);
      for (; f != batches.fixed.end() && *f < range.second; ++f) y[*f] = x[*f];
    };
    // Cells read x in small runs, which memory does not foresee; into the second-level cache only,
    // because it is read a group later.
    const auto fetch = [x](LocalId begin, LocalId end) {
      constexpr LocalId line = 64 / static_cast<LocalId>(sizeof(T));
      for (LocalId i = begin; i < end; i += line) __builtin_prefetch(x + i, 0, 2);
    };
    const auto groups = [&](int t, const std::vector<CellBatches::Group>& list) {
      for (std::size_t g = 0; g < list.size(); ++g) {
        const CellBatches::Group& group = list[g];
        if (g == 0) first_read(group, 1).next(fetch);
        for (std::size_t r = group.first; r < group.first_end; ++r) start(batches.ranges[r]);
        if (g + 1 == list.size()) {
          cells(t, group.begin, group.end);
        } else {
          const int n = group.end - group.begin, step = (n + n_pieces - 1) / n_pieces;
          RangePieces ahead = first_read(list[g + 1], (n + step - 1) / step);
          for (int b = group.begin; b < group.end; b += step) {
            ahead.next(fetch);
            cells(t, b, std::min(b + step, group.end));
          }
        }
        if (!after) continue;
        for (std::size_t r = group.last; r < group.last_end; ++r) {
          after(batches.ranges[r].first, batches.ranges[r].second);
        }
      }
    };
    run_workers(n_workers(), [&](int t) {
      const auto worker = static_cast<std::size_t>(t);
      for (const CellBatches::Range& range : batches.workers[worker].early) start(range);
      std::fill(target_extra[worker].begin(), target_extra[worker].end(), T(0));
    });
    halo_.start(x);
    run_workers(n_workers(),
                [&](int t) { groups(t, batches.workers[static_cast<std::size_t>(t)].inner); });
    halo_.finish(source_extra.data());
    run_workers(n_workers(),
                [&](int t) { groups(t, batches.workers[static_cast<std::size_t>(t)].outer); });
    facets();
    combine(y);
    if (!after) return;
    run_workers(n_workers(), [&](int t) {
      for (const CellBatches::Range& range : batches.workers[static_cast<std::size_t>(t)].late) {
        after(range.first, range.second);
      }
    });
  }

  /// y = 0, and what is added for others.
  void start_sums(T* y) {
    std::fill_n(y, batches.n_owned, T(0));
    for (auto& extra : target_extra) std::fill(extra.begin(), extra.end(), T(0));
  }

  /// Calls cells(worker, first batch, last batch) for all groups, each worker its own.
  template <class Cells>
  void each_group(const Cells& cells) const {
    run_workers(n_workers(), [&](int t) {
      const CellBatches::Worker& worker = batches.workers[static_cast<std::size_t>(t)];
      for (const auto* groups : {&worker.inner, &worker.outer}) {
        for (const CellBatches::Group& group : *groups) cells(t, group.begin, group.end);
      }
    });
  }

  /// What workers and ranks have added to others' dofs.
  void combine(T* y) {
    for (std::size_t t = 0; t < batches.workers.size(); ++t) {
      const std::vector<LocalId>& foreign = batches.workers[t].foreign;
      const T* extra = target_extra[t].data() + batches.n_copies + batches.n_zero;
      for (std::size_t i = 0; i < foreign.size(); ++i) y[foreign[i]] += extra[i];
      if (t == 0) continue;
      for (LocalId i = 0; i < batches.n_copies; ++i) {
        target_extra[0][static_cast<std::size_t>(i)] +=
            target_extra[t][static_cast<std::size_t>(i)];
      }
    }
    halo_.start_back(target_extra[0].data());
    halo_.finish_back(y);
  }

  [[nodiscard]] int n_workers() const { return static_cast<int>(batches.workers.size()); }
  [[nodiscard]] V* scratch(int worker) const {
    return scratch_[static_cast<std::size_t>(worker)].data();
  }
  [[nodiscard]] std::size_t sweep_bytes() const {
    std::size_t total = batches.bytes() + source_extra.size() * sizeof(T);
    for (const auto& extra : target_extra) total += extra.size() * sizeof(T);
    return total;
  }

  CellBatches batches;
  std::vector<T> source_extra;
  std::vector<std::vector<T>> target_extra;  ///< of each worker

 private:
  /// A group's batches between which what the next group reads first is fetched.
  static constexpr int n_pieces = 8;

  [[nodiscard]] RangePieces first_read(const CellBatches::Group& group, int n) const {
    const CellBatches::Range* all = batches.ranges.data();
    return {all + group.first, all + group.first_end, n};
  }

  comm::SplitExchange<T> halo_;
  std::vector<Slab<V>> scratch_;  // of each worker
};

}  // namespace ritz::assembly
