"""`make bench`: what Darkroom costs beside what a person would use instead, as ratios from one run."""

from benchmarks import intake, journey, pipeline, throughput

if __name__ == "__main__":
    pipeline.run()
    intake.run()
    throughput.run()
    journey.run()
