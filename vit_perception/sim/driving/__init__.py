"""The closed loop: policies drive a simulated robot to goals."""

# By a navigator over DDS; by depth alone, without learning; by one that knows the map. See `policies.py`.
NAVIGATOR, FOLLOW_THE_GAP, EXPERT = POLICIES = ("navigator", "follow_the_gap", "expert")
