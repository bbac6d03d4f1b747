"""`make bench`: what Darkroom costs compared with common alternatives, as ratios from one run."""

from benchmarks import endurance, first_sight, intake, isolation, journey, pages, queuing, renditions, throughput

if __name__ == "__main__":
    renditions.run()
    isolation.run()
    intake.run()
    throughput.run()
    journey.run()
    first_sight.run()
    pages.run()
    queuing.run()
    endurance.run()
