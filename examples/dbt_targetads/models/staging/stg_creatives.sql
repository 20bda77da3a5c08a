{{ stage('creatives', [
    ('project_id', 'project_id', 'bigint'),
    ('placement_id', 'placement_id', 'bigint'),
    ('creative_id', 'creative_id', 'text'),
    ('creative_name', 'creative_name', 'text'),
]) }}
