{{ stage_interactions('clicks') }}
