"""What a navigator needs from a robot beside images, and how it drives one: depth, goal, frames, velocity."""
