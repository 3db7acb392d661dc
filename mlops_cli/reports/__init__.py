"""What people look at: pictures in the run folder and tables in the terminal."""
