module gcstorm/agent

go 1.19
