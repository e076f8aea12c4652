"""What each of torch's operators computes, in NumPy, by family."""
