"""The routes: programs that share no code and must give one answer."""
