module gcstorm/bench

go 1.19
